using System.Globalization;
using System.Text;

namespace QLora.Text.Jinja;

/// <summary>The methods of str.</summary>
internal static class StringMethods
{
    public static readonly IReadOnlyDictionary<string, Method> Table = new Dictionary<string, Method>
    {
        ["strip"] = Of(["chars"], (s, a) => s.Trim(Chars(a))),
        ["lstrip"] = Of(["chars"], (s, a) => s.TrimStart(Chars(a))),
        ["rstrip"] = Of(["chars"], (s, a) => s.TrimEnd(Chars(a))),
        ["upper"] = Of([], (s, _) => s.ToUpperInvariant()),
        ["lower"] = Of([], (s, _) => s.ToLowerInvariant()),
        ["capitalize"] = Of([], (s, _) => Capitalize(s)),
        ["title"] = Of([], (s, _) => Title(s)),
        ["swapcase"] = Of([], (s, _) => string.Concat(s.Select(c => char.IsUpper(c) ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c)))),
        ["startswith"] = Of(["prefix"], (s, a) => AnyOf(a[0], prefix => s.StartsWith(prefix, StringComparison.Ordinal))),
        ["endswith"] = Of(["suffix"], (s, a) => AnyOf(a[0], suffix => s.EndsWith(suffix, StringComparison.Ordinal))),
        ["removeprefix"] = Of(["prefix"], (s, a) => Needed(a, 0) is var part && s.StartsWith(part, StringComparison.Ordinal) ? s[part.Length..] : s),
        ["removesuffix"] = Of(["suffix"], (s, a) => Needed(a, 0) is var part && s.EndsWith(part, StringComparison.Ordinal) ? s[..^part.Length] : s),
        ["replace"] = new(["old", "new", "count"], (budget, s, a) => Replace(budget, (string)s!, Needed(a, 0), Needed(a, 1), a.Integer(2, -1))),
        ["split"] = Of(["sep", "maxsplit"], (s, a) => Split(s, a.Text(0), a.Integer(1, -1))),
        ["rsplit"] = Of(["sep", "maxsplit"], (s, a) => SplitFromRight(s, a.Text(0), a.Integer(1, -1))),
        ["splitlines"] = Of(["keepends"], (s, a) => SplitLines(s, a.Flag(0))),
        ["partition"] = Of(["sep"], (s, a) => Partition(s, s.IndexOf(Needed(a, 0), StringComparison.Ordinal), Needed(a, 0)) ?? new Sequence([s, "", ""], isTuple: true)),
        ["rpartition"] = Of(["sep"], (s, a) => Partition(s, s.LastIndexOf(Needed(a, 0), StringComparison.Ordinal), Needed(a, 0)) ?? new Sequence(["", "", s], isTuple: true)),
        ["find"] = Of(["sub"], (s, a) => Position(s, s.IndexOf(Needed(a, 0), StringComparison.Ordinal))),
        ["rfind"] = Of(["sub"], (s, a) => Position(s, s.LastIndexOf(Needed(a, 0), StringComparison.Ordinal))),
        ["index"] = Of(["sub"], (s, a) => Position(s, s.IndexOf(Needed(a, 0), StringComparison.Ordinal)) is var at and >= 0 ? at : throw new TemplateError("substring not found")),
        ["count"] = Of(["sub"], (s, a) => Needed(a, 0) is { Length: > 0 } part ? (long)s.AsSpan().Count(part) : CodePoints.Count(s) + 1L),
        ["join"] = new(["iterable"], (budget, s, a) => Join(budget, (string)s!, a[0])),
        ["center"] = new(["width", "fillchar"], (budget, s, a) => Pad(budget, (string)s!, a, missing => missing / 2 + (missing & a.Integer(0, 0) & 1))),
        ["ljust"] = new(["width", "fillchar"], (budget, s, a) => Pad(budget, (string)s!, a, _ => 0)),
        ["rjust"] = new(["width", "fillchar"], (budget, s, a) => Pad(budget, (string)s!, a, missing => missing)),
        ["zfill"] = new(["width"], (budget, s, a) => ZeroFill(budget, (string)s!, a.Integer(0, 0))),
        ["isspace"] = Of([], (s, _) => s.Length > 0 && s.All(PythonText.IsWhitespace)),
        ["isdigit"] = Of([], (s, _) => AllRunes(s, rune => CharUnicodeInfo.GetDigitValue(rune.ToString(), 0) >= 0)),
        ["isdecimal"] = Of([], (s, _) => AllRunes(s, rune => Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber)),
        ["isnumeric"] = Of([], (s, _) => AllRunes(s, Rune.IsNumber)),
        ["isalpha"] = Of([], (s, _) => AllRunes(s, Rune.IsLetter)),
        ["isalnum"] = Of([], (s, _) => AllRunes(s, rune => Rune.IsLetter(rune) || Rune.IsNumber(rune))),
        ["isupper"] = Of([], (s, _) => IsCased(s, Rune.IsUpper, Rune.IsLower)),
        ["islower"] = Of([], (s, _) => IsCased(s, Rune.IsLower, Rune.IsUpper)),
    };

    public static string Capitalize(string s) => s.Length == 0 ? s : char.ToUpperInvariant(s[0]) + s[1..].ToLowerInvariant();

    /// <summary>str.replace; a negative count replaces all.</summary>
    public static string Replace(Budget budget, string text, string old, string replacement, long count)
    {
        var found = old.Length == 0 ? text.Length + 1L : text.AsSpan().Count(old);
        budget.SpendFor(text.Length + found * replacement.Length);
        if (count < 0 && old.Length > 0) return text.Replace(old, replacement, StringComparison.Ordinal);
        var result = new StringBuilder();
        var at = 0;
        for (var left = count < 0 ? long.MaxValue : count; left > 0; left--)
        {
            if (old.Length == 0)
            {
                // Python puts the replacement before each character and at the end.
                result.Append(replacement);
                if (at == text.Length) return result.ToString();
                result.Append(text[at++]);
                continue;
            }

            var next = text.IndexOf(old, at, StringComparison.Ordinal);
            if (next < 0) break;
            result.Append(text, at, next - at).Append(replacement);
            at = next + old.Length;
        }

        return result.Append(text, at, text.Length - at).ToString();
    }

    public static string Join(Budget budget, string separator, object? items)
    {
        var result = new StringBuilder();
        var index = 0;
        foreach (var item in Python.Iterate(items))
        {
            if (item is not string text) throw new TemplateError($"sequence item {index}: expected str instance, {Python.TypeName(item)} found");
            budget.SpendFor(separator.Length + text.Length);
            if (index++ > 0) result.Append(separator);
            result.Append(text);
        }

        return result.ToString();
    }

    public static bool IsCased(string s, Func<Rune, bool> wanted, Func<Rune, bool> other)
    {
        var found = false;
        foreach (var rune in s.EnumerateRunes())
        {
            if (other(rune)) return false;
            found |= wanted(rune);
        }

        return found;
    }

    private static Method Of(string[] parameters, Func<string, Arguments, object?> compute) => new(parameters, (_, value, arguments) => compute((string)value!, arguments));

    private static string Needed(Arguments arguments, int index) => arguments.Text(index) ?? throw new TemplateError($"argument {index + 1}: expected a str, found None or nothing");

    /// <summary>The characters to strip; without any, whitespace.</summary>
    public static char[] Chars(Arguments arguments) => arguments.Text(0) is { } chars ? chars.Length > 0 ? chars.ToCharArray() : ['\uffff'] : PythonText.Whitespace;

    private static object AnyOf(object? part, Func<string, bool> matches) => part switch
    {
        string text => matches(text),
        Sequence { IsTuple: true } tuple => tuple.Items.Any(item => item is string text && matches(text)),
        Undefined undefined => throw undefined.Error,
        _ => throw new TemplateError($"expected a str or a tuple of str, found a {Python.TypeName(part)}"),
    };

    private static string Title(string s)
    {
        var result = new StringBuilder(s.Length);
        for (var i = 0; i < s.Length; i++)
        {
            result.Append(i > 0 && char.IsLetter(s[i - 1]) ? char.ToLowerInvariant(s[i]) : char.ToUpperInvariant(s[i]));
        }

        return result.ToString();
    }

    private static Sequence Split(string s, string? separator, long limit)
    {
        List<object?> parts = [];
        if (separator is null)
        {
            var rest = s.TrimStart(PythonText.Whitespace);
            while (rest.Length > 0)
            {
                var end = limit >= 0 && parts.Count >= limit ? -1 : rest.AsSpan().IndexOfAny(PythonText.Whitespace);
                parts.Add(end < 0 ? rest : rest[..end]);
                rest = end < 0 ? "" : rest[end..].TrimStart(PythonText.Whitespace);
            }

            return new Sequence(parts);
        }

        CheckSeparator(separator);
        var at = 0;
        for (var next = s.IndexOf(separator, StringComparison.Ordinal); next >= 0 && (limit < 0 || parts.Count < limit); next = s.IndexOf(separator, at, StringComparison.Ordinal))
        {
            parts.Add(s[at..next]);
            at = next + separator.Length;
        }

        parts.Add(s[at..]);
        return new Sequence(parts);
    }

    private static Sequence SplitFromRight(string s, string? separator, long limit)
    {
        if (limit < 0) return Split(s, separator, limit);
        if (separator is null) throw new TemplateError("rsplit needs a separator where it has a maxsplit");
        CheckSeparator(separator);
        List<object?> parts = [];
        var end = s.Length;
        while (parts.Count < limit && s.AsSpan(0, end).LastIndexOf(separator) is >= 0 and var at)
        {
            parts.Add(s[(at + separator.Length)..end]);
            end = at;
        }

        parts.Add(s[..end]);
        parts.Reverse();
        return new Sequence(parts);
    }

    private static void CheckSeparator(string separator)
    {
        if (separator.Length == 0) throw new TemplateError("empty separator");
    }

    private static Sequence SplitLines(string s, bool keepEnds)
    {
        List<object?> lines = [];
        for (var start = 0; start < s.Length;)
        {
            var end = s.AsSpan(start).IndexOfAny("\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029") is >= 0 and var at ? start + at : s.Length;
            var next = end == s.Length ? end : s[end] == '\r' && end + 1 < s.Length && s[end + 1] == '\n' ? end + 2 : end + 1;
            lines.Add(s[start..(keepEnds ? next : end)]);
            start = next;
        }

        return new Sequence(lines);
    }

    private static Sequence? Partition(string s, int at, string separator)
    {
        CheckSeparator(separator);
        return at < 0 ? null : new Sequence([s[..at], separator, s[(at + separator.Length)..]], isTuple: true);
    }

    private static long Position(string s, int at) => at < 0 ? -1 : CodePoints.FromUtf16(s, at);

    private static string Pad(Budget budget, string s, Arguments arguments, Func<long, long> left)
    {
        var missing = arguments.Integer(0, 0) - CodePoints.Count(s);
        if (missing <= 0) return s;
        budget.SpendFor(missing);
        var fill = arguments.Text(1) ?? " ";
        if (fill.Length != 1) throw new TemplateError("The fill character must be exactly one character long");
        var before = (int)left(missing);
        return new string(fill[0], before) + s + new string(fill[0], (int)missing - before);
    }

    private static string ZeroFill(Budget budget, string s, long width)
    {
        budget.SpendFor(width);
        var signed = s.Length > 0 && s[0] is '+' or '-';
        return signed ? s[0] + s[1..].PadLeft(Math.Max((int)width - 1, 0), '0') : s.PadLeft(Math.Max((int)width, 0), '0');
    }

    private static bool AllRunes(string s, Func<Rune, bool> holds)
    {
        foreach (var rune in s.EnumerateRunes()) if (!holds(rune)) return false;
        return s.Length > 0;
    }
}
