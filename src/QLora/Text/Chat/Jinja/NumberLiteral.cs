using System.Globalization;

namespace QLora.Text.Jinja;

/// <summary>Numbers as a template writes them: 12, 1_000, 0x1F, 0b1, 0o7, 1.5, 1e3.</summary>
internal static class NumberLiteral
{
    /// <summary>The long or double at <paramref name="start"/> and where it ends; null when it is no number or doesn't fit.</summary>
    public static (object Value, int End)? Read(string source, int start, bool allowFraction)
    {
        var prefix = start + 1 < source.Length && source[start] == '0' ? char.ToLowerInvariant(source[start + 1]) : ' ';
        var radix = prefix switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 10 };
        if (radix != 10) return ReadRadix(source, start + 2, radix);

        var end = SkipDigits(source, start);
        var isFloat = false;
        if (allowFraction && end + 1 < source.Length && source[end] == '.' && char.IsAsciiDigit(source[end + 1]))
        {
            end = SkipDigits(source, end + 1);
            isFloat = true;
        }

        if (allowFraction && end < source.Length && source[end] is 'e' or 'E')
        {
            var exponent = end + 1 < source.Length && source[end + 1] is '+' or '-' ? end + 2 : end + 1;
            if (exponent < source.Length && char.IsAsciiDigit(source[exponent]))
            {
                end = SkipDigits(source, exponent);
                isFloat = true;
            }
        }

        var digits = source[start..end].Replace("_", "");
        if (isFloat) return (double.Parse(digits, CultureInfo.InvariantCulture), end);
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var integer) ? (integer, end) : null;
    }

    private static (object Value, int End)? ReadRadix(string source, int start, int radix)
    {
        var value = 0L;
        var end = start;
        for (; end < source.Length && (char.IsAsciiHexDigit(source[end]) || source[end] == '_'); end++)
        {
            if (source[end] == '_') continue;
            var digit = Convert.ToInt32(source[end].ToString(), 16);
            if (digit >= radix || value > (long.MaxValue - digit) / radix) return null;
            value = value * radix + digit;
        }

        return end > start ? (value, end) : null;
    }

    private static int SkipDigits(string source, int at)
    {
        while (at < source.Length && (char.IsAsciiDigit(source[at]) || source[at] == '_')) at++;
        return at;
    }
}
