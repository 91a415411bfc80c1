using System.Globalization;
using System.Text;

namespace QLora.Text.Jinja;

/// <summary>Dates as C's strftime writes them in English.</summary>
internal static class Strftime
{
    public static string Format(DateTimeOffset time, string format)
    {
        var result = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length) { result.Append(format[i]); continue; }
            // %-d is %d without leading zeros.
            var unpadded = format[i + 1] == '-' && i + 2 < format.Length;
            i += unpadded ? 2 : 1;
            var text = Field(time, format[i]) ?? throw new TemplateError($"strftime_now doesn't know %{format[i]}");
            result.Append(unpadded ? text.TrimStart('0', ' ') is { Length: > 0 } trimmed ? trimmed : "0" : text);
        }

        return result.ToString();
    }

    private static string? Field(DateTimeOffset time, char field) => field switch
    {
        'a' => Text(time, "ddd"),
        'A' => Text(time, "dddd"),
        'b' or 'h' => Text(time, "MMM"),
        'B' => Text(time, "MMMM"),
        'c' => $"{Text(time, "ddd MMM")} {time.Day,2} {Text(time, "HH:mm:ss yyyy")}",
        'd' => Text(time, "dd"),
        'D' or 'x' => Text(time, "MM/dd/yy"),
        'e' => $"{time.Day,2}",
        'f' => Text(time, "ffffff"),
        'F' => Text(time, "yyyy-MM-dd"),
        'H' => Text(time, "HH"),
        'I' => Text(time, "hh"),
        'j' => $"{time.DayOfYear:000}",
        'm' => Text(time, "MM"),
        'M' => Text(time, "mm"),
        'p' => Text(time, "tt"),
        'R' => Text(time, "HH:mm"),
        'S' => Text(time, "ss"),
        'T' or 'X' => Text(time, "HH:mm:ss"),
        'u' => $"{((int)time.DayOfWeek + 6) % 7 + 1}",
        'w' => $"{(int)time.DayOfWeek}",
        'y' => Text(time, "yy"),
        'Y' => Text(time, "yyyy"),
        'z' or 'Z' => "", // Python's now() has no time zone.
        '%' => "%",
        _ => null,
    };

    // A pattern of one letter would be a standard format; none here is, and '/' and ':' are literal in the invariant culture.
    private static string Text(DateTimeOffset time, string pattern) => time.ToString(pattern, CultureInfo.InvariantCulture);
}
