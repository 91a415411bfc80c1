using System.Globalization;
using System.Numerics;
using System.Text;

namespace QLora.Text.Jinja;

/// <summary>str() and repr().</summary>
internal static class PythonText
{
    /// <summary>What strip() strips, beside which .NET misses the separators U+001C to U+001F.</summary>
    public static readonly char[] Whitespace = [.. Enumerable.Range(0, 0x10000).Select(i => (char)i).Where(IsWhitespace)];

    public static bool IsWhitespace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    /// <summary>str(value).</summary>
    public static string Of(Budget budget, object? value)
    {
        if (value is string already) return already;
        var text = new StringBuilder();
        Append(budget, text, value);
        return text.ToString();
    }

    /// <summary>Appends str(value).</summary>
    public static void Append(Budget budget, StringBuilder result, object? value)
    {
        if (value is Undefined) return;
        if (value is not string text)
        {
            AppendRepr(budget, result, value);
            return;
        }

        budget.SpendFor(text.Length);
        result.Append(text);
    }

    /// <summary>repr(value).</summary>
    public static string Repr(Budget budget, object? value)
    {
        var text = new StringBuilder();
        AppendRepr(budget, text, value);
        return text.ToString();
    }

    /// <summary>repr() of a float: the shortest digits that read back as it, with an exponent from 1e16 on and below 1e-4.</summary>
    public static string OfFloat(double value)
    {
        if (double.IsNaN(value)) return "nan";
        if (double.IsInfinity(value)) return value > 0 ? "inf" : "-inf";
        var scientific = value.ToString("E16", CultureInfo.InvariantCulture);
        var exponent = int.Parse(scientific.AsSpan(scientific.IndexOf('E') + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var shortest = value.ToString("R", CultureInfo.InvariantCulture);
        if (value == 0 || exponent is >= -4 and < 16)
        {
            var plain = shortest.Contains('E') ? decimal.Parse(shortest, NumberStyles.Float, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture) : shortest;
            return plain.Contains('.') ? plain : plain + ".0";
        }

        // .NET writes 1E+16 and 1E-05 where Python writes 1e+16 and 1e-05.
        var mantissa = shortest.Contains('E') ? shortest[..shortest.IndexOf('E')] : ToMantissa(shortest);
        return $"{mantissa}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }

    private static string ToMantissa(string digits)
    {
        var sign = digits.StartsWith('-') ? "-" : "";
        var bare = digits.TrimStart('-').Replace(".", "").Trim('0');
        return sign + (bare.Length > 1 ? $"{bare[0]}.{bare[1..]}" : bare);
    }

    private static void AppendRepr(Budget budget, StringBuilder result, object? value)
    {
        StackGuard.Check();
        budget.Spend();
        switch (value)
        {
            case null: result.Append("None"); break;
            case bool b: result.Append(b ? "True" : "False"); break;
            case long i: result.Append(i.ToString(CultureInfo.InvariantCulture)); break;
            case BigInteger big: result.Append(big.ToString(CultureInfo.InvariantCulture)); break;
            case double d: result.Append(OfFloat(d)); break;
            case string s: AppendQuoted(budget, result, s); break;
            case Undefined: result.Append("Undefined"); break;
            case Sequence sequence: AppendSequence(budget, result, sequence); break;
            case Mapping mapping: AppendMapping(budget, result, mapping); break;
            case Callable callable: result.Append($"<function {callable.Name}>"); break;
            default: result.Append($"<{Python.TypeName(value)}>"); break;
        }
    }

    private static void AppendSequence(Budget budget, StringBuilder result, Sequence sequence)
    {
        result.Append(sequence.IsTuple ? '(' : '[');
        for (var i = 0; i < sequence.Items.Count; i++)
        {
            if (i > 0) result.Append(", ");
            AppendRepr(budget, result, sequence.Items[i]);
        }

        if (sequence is { IsTuple: true, Items.Count: 1 }) result.Append(',');
        result.Append(sequence.IsTuple ? ')' : ']');
    }

    private static void AppendMapping(Budget budget, StringBuilder result, Mapping mapping)
    {
        var separator = "{";
        foreach (var (key, value) in mapping.Entries)
        {
            result.Append(separator);
            AppendRepr(budget, result, key);
            result.Append(": ");
            AppendRepr(budget, result, value);
            separator = ", ";
        }

        result.Append(mapping.Count == 0 ? "{}" : "}");
    }

    private static void AppendQuoted(Budget budget, StringBuilder result, string text)
    {
        budget.SpendFor(text.Length);
        var quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        result.Append(quote);
        foreach (var rune in text.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case '\\': result.Append("\\\\"); break;
                case '\n': result.Append("\\n"); break;
                case '\r': result.Append("\\r"); break;
                case '\t': result.Append("\\t"); break;
                case var c when c == quote: result.Append('\\').Append(quote); break;
                case var c when c != ' ' && !IsPrintable(rune): result.Append(c < 0x100 ? $"\\x{c:x2}" : c < 0x10000 ? $"\\u{c:x4}" : $"\\U{c:x8}"); break;
                default: result.Append(rune.ToString()); break;
            }
        }

        result.Append(quote);
    }

    private static bool IsPrintable(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);
}
