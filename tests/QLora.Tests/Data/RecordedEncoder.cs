using System.Text;
using System.Text.Json;
using QLora.Data;
using QLora.Text;

namespace QLora.Tests.Data;

/// <summary>Gives back recorded token ids for the texts that they decode to, with the places that follow from each token's bytes: what a byte-level tokenizer makes of exactly these texts.</summary>
internal sealed class RecordedEncoder : ITextEncoder
{
    private readonly Dictionary<int, byte[]> _bytes = [];
    private readonly Dictionary<string, int[]> _recorded;

    public RecordedEncoder(string tokenizerJson, IEnumerable<int[]> recorded)
    {
        using var tokenizer = JsonDocument.Parse(File.ReadAllBytes(tokenizerJson));
        var byteOf = ByteOfCharacter();
        foreach (var entry in tokenizer.RootElement.GetProperty("model").GetProperty("vocab").EnumerateObject())
        {
            _bytes[entry.Value.GetInt32()] = [.. entry.Name.Select(c => byteOf.GetValueOrDefault(c))];
        }

        foreach (var token in tokenizer.RootElement.GetProperty("added_tokens").EnumerateArray())
        {
            _bytes[token.GetProperty("id").GetInt32()] = Encoding.UTF8.GetBytes(token.GetProperty("content").GetString()!);
        }

        _recorded = recorded.ToDictionary(ids => Decode(ids));
    }

    public int VocabSize => _bytes.Count;

    public string BosToken => "<|im_start|>";

    public string EosToken => "<|im_end|>";

    public EncodedText Encode(string text, bool addSpecialTokens)
    {
        var ids = _recorded[text];
        var spans = new TextSpan[ids.Length];
        var at = 0;
        for (var i = 0; i < ids.Length; i++) spans[i] = new TextSpan(at, at += Encoding.UTF8.GetCharCount(_bytes[ids[i]]));
        return new EncodedText(ids, spans);
    }

    public string Decode(ReadOnlySpan<int> ids) => Encoding.UTF8.GetString([.. ids.ToArray().SelectMany(id => _bytes[id])]);

    /// <summary>GPT-2's byte-level alphabet, backwards: printable Latin-1 stands for itself, the other bytes follow from U+0100 on.</summary>
    private static Dictionary<char, byte> ByteOfCharacter()
    {
        var result = new Dictionary<char, byte>();
        var next = (char)0x100;
        for (var b = 0; b < 256; b++)
        {
            var printable = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            result[printable ? (char)b : next++] = (byte)b;
        }

        return result;
    }
}
