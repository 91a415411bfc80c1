using System.Globalization;
using System.Text.Json.Nodes;

namespace QLora.Cli.Frame;

/// <summary>Numbers as people read them.</summary>
internal static class Numbers
{
    /// <summary>With a comma between thousands.</summary>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>Bytes in the largest unit of which there is one.</summary>
    public static string Bytes(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var (value, unit) = ((double)bytes, 0);
        for (; value >= 1024 && unit < units.Length - 1; unit++) value /= 1024;
        return unit == 0 ? $"{bytes} B" : string.Create(CultureInfo.InvariantCulture, $"{value:F1} {units[unit]}");
    }

    /// <summary>A number in JSON, which has none that are not finite: those are null.</summary>
    public static JsonNode? Json(double value) => double.IsFinite(value) ? value : null;

    /// <summary>Hours, minutes and seconds, the hours only when there are some.</summary>
    public static string Time(double seconds)
    {
        var time = TimeSpan.FromSeconds(Math.Min(seconds, TimeSpan.MaxValue.TotalSeconds / 2));
        return time.TotalHours >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{(long)time.TotalHours}:{time:mm\\:ss}") : time.ToString("m\\:ss", CultureInfo.InvariantCulture);
    }
}
