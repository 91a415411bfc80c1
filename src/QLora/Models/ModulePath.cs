using System.Globalization;

namespace QLora.Models;

/// <summary>Where a module stands in checkpoints. Generated code walks from the model's root to each declared module.</summary>
public readonly record struct ModulePath
{
    private ModulePath(string name, string? gguf, ExpertSlice? slice) => (Name, Gguf, Slice) = (name, gguf, slice);

    /// <summary>The model itself.</summary>
    public static ModulePath Root { get; } = new("", "", null);

    /// <summary>The path in Hugging Face checkpoints.</summary>
    public string Name { get; }

    /// <summary>The path in GGUF files; null when there is none.</summary>
    public string? Gguf { get; }

    /// <summary>Which slice of a GGUF tensor its weights are, where those of all experts are one tensor.</summary>
    internal ExpertSlice? Slice { get; }

    /// <summary>A module or part below this one.</summary>
    /// <param name="name">Its own path.</param>
    /// <param name="gguf">Its own GGUF path; empty for none beyond this one's, null when it has no name there.</param>
    public ModulePath Child(string name, string? gguf) => new(Join(Name, name), Gguf is null || gguf is null ? null : Join(Gguf, gguf), Slice);

    /// <summary>One of a list below this one.</summary>
    /// <param name="name">The path of one, with {0} for its number.</param>
    /// <param name="gguf">The GGUF path, likewise.</param>
    /// <param name="index">Its number.</param>
    public ModulePath Item(string name, string? gguf, int index) => Child(Numbered(name, index), gguf is null ? null : Numbered(gguf, index));

    /// <summary>One of a list whose weights are slices of one tensor in GGUF files.</summary>
    /// <param name="name">The path of one, with {0} for its number.</param>
    /// <param name="index">Its number.</param>
    /// <param name="count">How many there are.</param>
    public ModulePath Stacked(string name, int index, int count) => new(Join(Name, Numbered(name, index)), Gguf, new ExpertSlice(index, count));

    private static string Join(string path, string below) => path.Length == 0 ? below : below.Length == 0 ? path : $"{path}.{below}";

    private static string Numbered(string pattern, int index) => pattern.Replace("{0}", index.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
}
