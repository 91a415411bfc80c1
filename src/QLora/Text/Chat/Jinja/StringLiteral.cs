using System.Text;

namespace QLora.Text.Jinja;

/// <summary>What stands between the quotes of a string, as Python reads it.</summary>
internal static class StringLiteral
{
    /// <summary>Python's escapes in a string literal; an escape that it doesn't know stays as it is written.</summary>
    public static string Unescape(ReadOnlySpan<char> text, int line)
    {
        if (!text.Contains('\\')) return text.ToString();
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\') { result.Append(text[i]); continue; }
            var c = text[++i];
            var simple = "\\'\"abfnrtv".IndexOf(c);
            if (simple >= 0) result.Append("\\'\"\a\b\f\n\r\t\v"[simple]);
            else if (c is >= '0' and <= '7') result.Append((char)ReadDigits(text, ref i, 8, 3, exactOnLine: null));
            else if (c == 'x') { i++; result.Append((char)ReadDigits(text, ref i, 16, 2, line)); }
            else if (c == 'u') { i++; AppendCodePoint(result, ReadDigits(text, ref i, 16, 4, line), line); }
            else if (c == 'U') { i++; AppendCodePoint(result, ReadDigits(text, ref i, 16, 8, line), line); }
            else if (c != '\n') result.Append('\\').Append(c);
        }

        return result.ToString();
    }

    private static void AppendCodePoint(StringBuilder result, long codePoint, int line)
    {
        if (codePoint > 0x10FFFF) throw new TemplateError($"\\U{codePoint:x8} in this string is beyond the last character, \\U0010ffff", line);
        if (codePoint is >= 0xD800 and <= 0xDFFF) throw new TemplateError($"\\u{codePoint:x4} in this string is half of a surrogate pair; write the character itself or \\U and 8 digits", line);
        result.Append(char.ConvertFromUtf32((int)codePoint));
    }

    private static long ReadDigits(ReadOnlySpan<char> text, ref int i, int radix, int count, int? exactOnLine)
    {
        var value = 0L;
        var read = 0;
        while (read < count && i + read < text.Length && char.IsAsciiHexDigit(text[i + read]) && Convert.ToInt32(text[i + read].ToString(), 16) < radix)
        {
            value = value * radix + Convert.ToInt32(text[i + read++].ToString(), 16);
        }

        if (exactOnLine is { } line && read < count) throw new TemplateError($"an escape in this string needs {count} hexadecimal digits", line);
        i += read - 1;
        return value;
    }
}
