using System.Text.RegularExpressions;
using QLora.Models;

namespace QLora.Adapters;

/// <summary>Which linear layers carry an adapter, in the three ways that PEFT knows: all of them, by name, or by a regular expression.</summary>
public sealed class TargetModules
{
    private static readonly TimeSpan MatchTimeout = TimeSpan.FromSeconds(1);
    private readonly Regex? _regex;

    private TargetModules(IReadOnlyList<string>? names, string? pattern)
    {
        NameList = names;
        Pattern = pattern;
        _regex = pattern is null ? null : new Regex($"^(?:{pattern})$", RegexOptions.CultureInvariant, MatchTimeout);
    }

    /// <summary>Every linear layer but the output head.</summary>
    public static TargetModules AllLinear { get; } = new(null, null);

    /// <summary>The names given to <see cref="Names(IEnumerable{string})"/>; null otherwise.</summary>
    public IReadOnlyList<string>? NameList { get; }

    /// <summary>The expression given to <see cref="Regex"/>; null otherwise.</summary>
    public string? Pattern { get; }

    /// <summary>Layers whose path is one of the names, or ends with a dot and one of them: <c>q_proj</c>, <c>layers.0.mlp.up_proj</c>.</summary>
    /// <exception cref="QLoraException">There is none, or one is empty.</exception>
    public static TargetModules Names(IEnumerable<string> names)
    {
        string[] list = [.. names.Distinct(StringComparer.Ordinal)];
        if (list.Length == 0) throw new QLoraException("target_modules is empty; name at least one layer, or use all-linear");
        if (list.Any(string.IsNullOrWhiteSpace)) throw new QLoraException("target_modules holds an empty name");
        return new TargetModules(list, null);
    }

    /// <summary>Layers whose whole path matches.</summary>
    /// <exception cref="QLoraException">It is not a regular expression.</exception>
    public static TargetModules Regex(string pattern)
    {
        try
        {
            return new TargetModules(null, pattern);
        }
        catch (ArgumentException cause)
        {
            throw new QLoraException($"target_modules '{pattern}' is not a regular expression: {cause.Message}", cause);
        }
    }

    /// <summary>What a person writes: <c>all-linear</c>, names with commas between, or a regular expression (anything with a character that no name has).</summary>
    /// <exception cref="QLoraException">It is none of them.</exception>
    public static TargetModules Parse(string text)
    {
        if (text == "all-linear") return AllLinear;
        return text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or ',' or ' ' or '-')
            ? Names(text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            : Regex(text);
    }

    /// <summary>The layers that carry an adapter.</summary>
    /// <param name="modules">The modules of the model.</param>
    /// <exception cref="QLoraException">A name or the expression matches no layer, or one that cannot carry an adapter; the message lists those that can.</exception>
    public IReadOnlyList<LinearSpec> Match(IEnumerable<ModuleSpec> modules)
    {
        var all = modules.ToList();
        var targets = all.OfType<LinearSpec>().Where(spec => spec.IsLoraTarget).ToList();
        if (NameList is null && _regex is null) return [.. targets.Where(spec => !spec.KeepFullPrecision)];

        if (_regex is not null)
        {
            var matched = targets.Where(spec => Matches(spec.Path)).ToList();
            return matched.Count > 0 ? matched : throw Nothing($"the expression '{Pattern}'", targets);
        }

        foreach (var name in NameList!)
        {
            if (targets.Any(spec => EndsWith(spec.Path, name))) continue;
            throw all.Any(spec => EndsWith(spec.Path, name))
                ? new QLoraException($"target module '{name}' is no linear layer that can carry an adapter; {Available(targets)}")
                : Nothing($"target module '{name}'", targets);
        }

        return [.. targets.Where(spec => NameList.Any(name => EndsWith(spec.Path, name)))];
    }

    /// <inheritdoc/>
    public override string ToString() => Pattern ?? (NameList is null ? "all-linear" : string.Join(",", NameList));

    private static bool EndsWith(string path, string name)
        => path == name || (path.Length > name.Length && path.EndsWith(name, StringComparison.Ordinal) && path[^(name.Length + 1)] == '.');

    private bool Matches(string path)
    {
        try
        {
            return _regex!.IsMatch(path);
        }
        catch (RegexMatchTimeoutException cause)
        {
            throw new QLoraException($"target_modules '{Pattern}' takes too long to match '{path}'; write a simpler expression", cause);
        }
    }

    private static QLoraException Nothing(string what, List<LinearSpec> targets) => new($"{what} matches no layer; {Available(targets)}");

    private static string Available(List<LinearSpec> targets)
        => "there are " + string.Join(", ", targets.Select(spec => spec.Path[(spec.Path.LastIndexOf('.') + 1)..]).Distinct());
}
