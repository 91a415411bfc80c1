using System.Text;

namespace QLora.Text.Jinja;

/// <summary>Python's view of a string: a sequence of code points.</summary>
internal static class CodePoints
{
    public static int Count(string text)
    {
        var count = text.Length;
        foreach (var c in text) if (char.IsLowSurrogate(c)) count--;
        return count;
    }

    /// <summary>The code points, each as a string.</summary>
    public static IReadOnlyList<object?> Split(string text)
    {
        var result = new List<object?>(text.Length);
        foreach (var rune in text.EnumerateRunes()) result.Add(rune.ToString());
        return result;
    }

    /// <summary>How many code points lie before UTF-16 position <paramref name="index"/>.</summary>
    public static long FromUtf16(string text, int index) => Count(text[..index]);

    public static string Join(IEnumerable<object?> codePoints)
    {
        var result = new StringBuilder();
        foreach (var codePoint in codePoints) result.Append((string)codePoint!);
        return result.ToString();
    }
}
