using System.Globalization;
using System.Text;

namespace QLora.Text.Tokenizers;

/// <summary>Writes texts with one UTF-16 unit for each character, by putting characters up to U+FFFF of the same category for those beyond.</summary>
internal static class RuneCategories
{
    // By UnicodeCategory; letters without case and signs of rare scripts, which no pattern names. No character beyond U+FFFF is in the categories that have none here.
    private static readonly char[] Representatives = new char[30];

    static RuneCategories()
    {
        foreach (var c in "\uA640\uA641\uA4F8\uA000\uA66F\uA823\uA672\uA620\uA6E6\uA830\uFE33\uFE31\uFE47\uFE48\uA4FE\uFE62\uA838\uA700\uA490\uFFF9\uE000\uFFFF")
        {
            Representatives[(int)char.GetUnicodeCategory(c)] = c;
        }
    }

    /// <summary>Writes a text's characters.</summary>
    /// <param name="text">The text.</param>
    /// <param name="characters">Takes one unit for each character.</param>
    /// <param name="positions">Takes the place in the text of each character, and the end.</param>
    /// <returns>How many characters there are.</returns>
    public static int Write(ReadOnlySpan<char> text, Span<char> characters, Span<int> positions)
    {
        var count = 0;
        var at = 0;
        while (at < text.Length)
        {
            Rune.DecodeFromUtf16(text[at..], out var rune, out var length);
            positions[count] = at;
            characters[count++] = rune.IsBmp ? (char)rune.Value : RepresentativeOf(rune);
            at += length;
        }

        positions[count] = at;
        return count;
    }

    private static char RepresentativeOf(Rune rune)
    {
        var representative = Representatives[(int)Rune.GetUnicodeCategory(rune)];
        return representative == default ? Representatives[(int)UnicodeCategory.OtherNotAssigned] : representative;
    }
}
