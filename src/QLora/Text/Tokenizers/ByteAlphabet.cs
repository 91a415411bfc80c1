using System.Buffers;
using System.Text;

namespace QLora.Text.Tokenizers;

/// <summary>GPT-2's alphabet, in which each byte is a printable character: printable Latin-1 stands for itself, the other bytes follow from U+0100 on.</summary>
/// <remarks>
/// Microsoft.ML.Tokenizers writes texts in it too (<c>ByteLevel</c>), but cuts spans in the middle of surrogate pairs and gives half a pair three bytes that are no UTF-8.
/// </remarks>
internal static class ByteAlphabet
{
    private const int FirstStandIn = 0x100;
    private static readonly char[] Characters = MakeCharacters();
    private static readonly Dictionary<char, byte> Bytes = Enumerable.Range(0, 256).ToDictionary(b => Characters[b], b => (byte)b);

    public static char CharacterOf(byte value) => Characters[value];

    /// <summary>Appends the bytes that a token stands for; one that is not written in the alphabet stands for itself, in UTF-8.</summary>
    public static void AppendBytes(string token, ArrayBufferWriter<byte> bytes)
    {
        var destination = bytes.GetSpan(Encoding.UTF8.GetMaxByteCount(token.Length));
        for (var i = 0; i < token.Length; i++)
        {
            if (Bytes.TryGetValue(token[i], out destination[i])) continue;
            bytes.Advance(Encoding.UTF8.GetBytes(token, destination));
            return;
        }

        bytes.Advance(token.Length);
    }

    private static char[] MakeCharacters()
    {
        var next = (char)FirstStandIn;
        var characters = new char[256];
        for (var b = 0; b < characters.Length; b++)
        {
            var printable = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            characters[b] = printable ? (char)b : next++;
        }

        return characters;
    }
}
