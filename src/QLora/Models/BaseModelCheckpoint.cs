using QLora.Backends;
using QLora.Checkpoints;
using QLora.Quantization;

namespace QLora.Models;

/// <summary>
/// A Hugging Face checkpoint that was saved without the part of the names that the model with an output head puts before them, as published GPT-2s are:
/// <c>h.0.ln_1.weight</c> for <c>transformer.h.0.ln_1.weight</c>.
/// </summary>
internal sealed class BaseModelCheckpoint : WeightSource
{
    private readonly WeightSource _source;
    private readonly string _prefix;

    private BaseModelCheckpoint(WeightSource source, string prefix)
    {
        (_source, _prefix) = (source, prefix);
        Weights = source.Weights.Values.ToDictionary(weight => prefix + weight.Name, weight => weight with { Name = prefix + weight.Name }, StringComparer.Ordinal);
    }

    /// <summary>The checkpoint, with the names that the model expects where only the part before them is missing.</summary>
    /// <param name="source">The checkpoint.</param>
    /// <param name="modules">What the model consists of.</param>
    public static WeightSource Complete(WeightSource source, IReadOnlyList<ModuleSpec> modules)
    {
        var first = modules[0].Path;
        var prefix = first[..(first.IndexOf('.', StringComparison.Ordinal) + 1)];
        var isComplete = prefix.Length == 0 || source.Weights.Keys.Any(name => name.StartsWith(prefix, StringComparison.Ordinal)) || !source.Weights.ContainsKey($"{first[prefix.Length..]}.weight");
        return isComplete ? source : new BaseModelCheckpoint(source, prefix);
    }

    public override string Path => _source.Path;

    public override WeightNaming Naming => _source.Naming;

    public override IReadOnlyDictionary<string, WeightInfo> Weights { get; }

    public override void Read(string name, long firstElement, Span<float> destination) => _source.Read(Stored(name), firstElement, destination);

    public override ReadOnlySpan<byte> ReadRaw(string name) => _source.ReadRaw(Stored(name));

    public override QuantizedTensor ReadQuantized(string name, Backend backend) => _source.ReadQuantized(Stored(name), backend);

    public override void ReleasePages() => _source.ReleasePages();

    public override void Dispose() => _source.Dispose();

    private string Stored(string name) => name[_prefix.Length..];
}
