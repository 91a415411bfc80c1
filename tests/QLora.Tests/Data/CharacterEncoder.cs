using QLora.Data;
using QLora.Text;

namespace QLora.Tests.Data;

/// <summary>One token for each character, and for the special tokens &lt;s&gt; (put before texts), &lt;/s&gt; and &lt;|im_start|&gt;, &lt;|im_end|&gt;: every place in a text can be told from the tokens.</summary>
internal sealed class CharacterEncoder : ITextEncoder
{
    public const int Bos = 0x10000, Eos = 0x10001;
    private static readonly string[] Specials = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"];

    public int VocabSize => 0x10000 + Specials.Length;

    public string BosToken => "<s>";

    public string EosToken => "</s>";

    public EncodedText Encode(string text, bool addSpecialTokens)
    {
        List<int> ids = addSpecialTokens ? [Bos] : [];
        List<TextSpan> spans = addSpecialTokens ? [new TextSpan(0, 0)] : [];
        for (var at = 0; at < text.Length;)
        {
            var special = Array.FindIndex(Specials, token => text.AsSpan(at).StartsWith(token));
            var length = special < 0 ? 1 : Specials[special].Length;
            ids.Add(special < 0 ? text[at] : 0x10000 + special);
            spans.Add(new TextSpan(at, at + length));
            at += length;
        }

        return new EncodedText([.. ids], [.. spans]);
    }

    public string Decode(ReadOnlySpan<int> ids) => string.Concat(ids.ToArray().Select(id => id < 0x10000 ? ((char)id).ToString() : Specials[id - 0x10000]));
}
