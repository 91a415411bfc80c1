using System.Globalization;

namespace QLora.Cli.Frame;

/// <summary>Sizes of memory as people write them: a number and a unit.</summary>
internal static class MemorySize
{
    private static readonly (string Unit, double Bytes)[] Units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1),
    ];

    /// <summary>The bytes of a size such as <c>600MB</c>, <c>1.5 GiB</c> or <c>8gib</c>.</summary>
    /// <exception cref="QLoraException">It is none, or not above 0.</exception>
    public static long Parse(string text)
    {
        foreach (var (unit, bytes) in Units)
        {
            if (!text.EndsWith(unit, StringComparison.OrdinalIgnoreCase)) continue;
            if (!double.TryParse(text[..^unit.Length].TrimEnd(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)) break;
            if (number * bytes is >= 1 and < long.MaxValue) return (long)(number * bytes);
            break;
        }

        throw new QLoraException($"'{text}' given, expected a size above 0 with its unit, such as 600MB or 8GiB");
    }
}
