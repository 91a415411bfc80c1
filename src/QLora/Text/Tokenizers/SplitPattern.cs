using System.Buffers;
using System.Text.RegularExpressions;
using QLora.Models;

namespace QLora.Text.Tokenizers;

/// <summary>A part of a text that matches a pattern, or lies between two that do.</summary>
internal readonly record struct PatternSpan(int Start, int End, bool IsMatch);

/// <summary>A string or regular expression in tokenizer.json, matched as Oniguruma matches it for Hugging Face's tokenizers.</summary>
internal sealed partial class SplitPattern
{
    // Far beyond what any expression and any text need that aren't made to hurt.
    private const int LongestExpression = 1 << 14;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly string _origin;
    private readonly string? _literal;
    private readonly Regex? _regex;

    private SplitPattern(string origin, string literal) => (_origin, _literal) = (origin, literal);

    private SplitPattern(string origin, Regex regex) => (_origin, _regex) = (origin, regex);

    /// <summary>GPT-2's words: contractions, then letters, numbers or other characters with at most one space before them, then spaces.</summary>
    public static SplitPattern Gpt2Words { get; } = new("GPT-2's pattern", Gpt2Regex());

    /// <summary>A string that stands for itself.</summary>
    public static SplitPattern OfLiteral(string text) => new("", text);

    /// <summary>Reads the field <c>pattern</c>: a <c>String</c> or a <c>Regex</c>.</summary>
    /// <exception cref="QLoraException">It is malformed, or an expression that .NET reads differently.</exception>
    public static SplitPattern Read(ConfigJson json)
    {
        var pattern = json.Object("pattern") ?? throw json.Error("pattern", "is missing, expected {\"String\": …} or {\"Regex\": …}");
        var origin = $"{json.Origin}: pattern";
        if (pattern.Has("Regex")) return new SplitPattern(origin, Compile(pattern, pattern.String("Regex")));
        var literal = pattern.String("String");
        return literal.Length > 0 ? new SplitPattern(origin, literal) : throw pattern.Error("String", "is empty");
    }

    /// <summary>The matches and what lies between them, in order, together the whole text; nothing among it is empty.</summary>
    /// <exception cref="QLoraException">The expression takes too long.</exception>
    public List<PatternSpan> Find(ReadOnlySpan<char> text)
    {
        var spans = new List<PatternSpan>();
        if (_literal is not null) FindLiteral(text, spans);
        else if (!text.ContainsAnyInRange('\uD800', '\uDFFF')) FindRegex(text, spans);
        else FindRegexInRunes(text, spans);
        return spans;
    }

    private void FindLiteral(ReadOnlySpan<char> text, List<PatternSpan> spans)
    {
        var end = 0;
        for (int next; (next = text[end..].IndexOf(_literal)) >= 0;) AddMatch(spans, ref end, end + next, end + next + _literal!.Length);
        AddRest(spans, end, text.Length);
    }

    private void FindRegex(ReadOnlySpan<char> text, List<PatternSpan> spans)
    {
        try
        {
            var end = 0;
            foreach (var match in _regex!.EnumerateMatches(text)) AddMatch(spans, ref end, match.Index, match.Index + match.Length);
            AddRest(spans, end, text.Length);
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new QLoraException($"{_origin}: the expression takes longer than {Timeout.TotalSeconds} seconds on a text of {text.Length} characters", e);
        }
    }

    /// <summary>
    /// .NET matches UTF-16 units, in which a character beyond U+FFFF is two that are neither letters nor digits. So one of the same category is put for each such pair.
    /// </summary>
    private void FindRegexInRunes(ReadOnlySpan<char> text, List<PatternSpan> spans)
    {
        var characters = ArrayPool<char>.Shared.Rent(text.Length);
        var positions = ArrayPool<int>.Shared.Rent(text.Length + 1);
        try
        {
            var count = RuneCategories.Write(text, characters, positions);
            FindRegex(characters.AsSpan(0, count), spans);
            for (var i = 0; i < spans.Count; i++) spans[i] = spans[i] with { Start = positions[spans[i].Start], End = positions[spans[i].End] };
        }
        finally
        {
            ArrayPool<char>.Shared.Return(characters);
            ArrayPool<int>.Shared.Return(positions);
        }
    }

    private static void AddMatch(List<PatternSpan> spans, ref int end, int start, int matchEnd)
    {
        AddRest(spans, end, start);
        if (matchEnd > start) spans.Add(new PatternSpan(start, matchEnd, IsMatch: true));
        end = matchEnd;
    }

    private static void AddRest(List<PatternSpan> spans, int start, int end)
    {
        if (end > start) spans.Add(new PatternSpan(start, end, IsMatch: false));
    }

    private static Regex Compile(ConfigJson json, string expression)
    {
        if (expression.Length > LongestExpression) throw json.Error("Regex", $"has {expression.Length} characters, expected at most {LongestExpression}");
        if (FindDifference(expression) is { } difference) throw json.Error("Regex", $"'{expression}' {difference}, which is not supported");
        try
        {
            // Ruby's syntax, which Oniguruma reads by default, lets ^ and $ match at every line.
            return new Regex(expression, RegexOptions.CultureInvariant | RegexOptions.Multiline | RegexOptions.Compiled, Timeout);
        }
        catch (ArgumentException e)
        {
            throw json.Error("Regex", $"'{expression}' can't be read: {e.Message}");
        }
    }

    /// <summary>What in an expression means one thing to Oniguruma and, without an error, another to .NET.</summary>
    private static string? FindDifference(string expression)
    {
        var inClass = false;
        for (var i = 0; i < expression.Length; i++)
        {
            var rest = expression.AsSpan(i);
            if (char.IsSurrogate(rest[0])) return "names a character beyond U+FFFF";
            if (rest[0] == '\\') i++;
            else if (inClass && rest[0] == '[') return "has a class within a class";
            else if (inClass && rest.StartsWith("&&")) return "intersects classes";
            else if (!inClass && OptionsRegex().IsMatch(rest)) return "sets options other than i";
            else if (rest[0] == ']' && inClass) inClass = false;
            else if (rest[0] == '[') inClass = true;
        }

        return null;
    }

    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Gpt2Regex();

    [GeneratedRegex(@"^\(\?[a-z-]*[a-hj-z]", RegexOptions.CultureInvariant)]
    private static partial Regex OptionsRegex();
}
