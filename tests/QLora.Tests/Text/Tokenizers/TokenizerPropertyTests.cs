using System.Text;
using CsCheck;
using QLora.Text.Tokenizers;

namespace QLora.Tests.Text.Tokenizers;

/// <summary>What holds of any text and any ids.</summary>
public class TokenizerPropertyTests
{
    private static readonly string[] Parts = ["<|im_start|>", "<|im_end|>", "user\n", " the", "'s", "👍🏽", "123", "  ", "é"];

    private static readonly Gen<Rune> Runes = Gen.Frequency(
        (6, Gen.Char[' ', '~'].Select(c => new Rune(c))),
        (1, Gen.Char["\n\r\t\u00A0\u3000\u200D\uFEFF"].Select(c => new Rune(c))),
        (2, Gen.Int[0x80, 0xD7FF].Select(value => new Rune(value))),
        (1, Gen.Int[0xE000, 0x10FFFF].Select(value => new Rune(value))));

    private static readonly Gen<string> Texts = Gen.OneOf(
        Runes.Array[0, 40].Select(runes => string.Concat(runes)),
        Gen.Int[0, Parts.Length - 1].Array[0, 12].Select(parts => string.Concat(parts.Select(part => Parts[part]))));

    [Theory]
    [InlineData("byte_level_digits"), InlineData("byte_level_gpt2"), InlineData("byte_level_llama3"), InlineData("smollm2")]
    public void DecodingGivesTheTextBack(string name)
    {
        var tokenizer = TokenizerGoldens.Load(name);

        // SmolLM2's vocabulary lacks bytes that its training text never had, and leaves them out as Hugging Face's tokenizers do.
        var known = Enumerable.Range(0, 256).Select(b => tokenizer.IdOf(ByteAlphabet.CharacterOf((byte)b).ToString()) is not null).ToArray();
        Texts.Where(text => Encoding.UTF8.GetBytes(text).All(b => known[b])).Sample(text =>
        {
            var encoded = tokenizer.Encode(text, addSpecialTokens: false);
            Assert.Equal(text, tokenizer.Decode(encoded.Ids));
            Spans.AssertCover(text, encoded);
        }, iter: 2000, threads: 1);
    }

    [Theory]
    [InlineData("byte_level_qwen2"), InlineData("byte_level_prefix_space")]
    [InlineData("sentencepiece_llama2"), InlineData("sentencepiece_metaspace"), InlineData("sentencepiece_gemma")]
    public void SpansCoverTextsThatAreChangedBefore(string name)
    {
        var tokenizer = TokenizerGoldens.Load(name);
        Texts.Sample(text => Spans.AssertCover(text, tokenizer.Encode(text, addSpecialTokens: true)), iter: 2000, threads: 1);
    }

    [Theory]
    [InlineData("byte_level_gpt2"), InlineData("sentencepiece_llama2"), InlineData("sentencepiece_gemma")]
    public void AnyIdsAreDecodedAlikeAtOnceAndOneByOne(string name)
    {
        var tokenizer = TokenizerGoldens.Load(name);
        Gen.Int[-1, 400].Array[0, 30].Sample(ids =>
        {
            var pieces = Spans.Stream(tokenizer, ids, skipSpecialTokens: false).ToList();
            Assert.Equal(tokenizer.Decode(ids), string.Concat(pieces));
            Assert.DoesNotContain(pieces, piece => piece.Length > 0 && (char.IsHighSurrogate(piece[^1]) || char.IsLowSurrogate(piece[0])));
        }, iter: 2000, threads: 1);
    }

    [Fact]
    public void BothMergersGiveTheSameTokens()
    {
        var vocabulary = TokenizerJson.Read(TokenizerFiles.Open(TokenizerGoldens.JsonPath("byte_level_gpt2"))).Vocabulary with { IsByteLevel = false };
        var model = new BpeModel(vocabulary);
        var merger = new LongWordMerger(vocabulary.Merges);
        Gen.Char["abelnost Ġ1"].Where(c => c != ' ').Array[1, 100].Select(characters => new string(characters)).Sample(word =>
        {
            WordToken[] symbols = [.. word.Select((c, i) => new WordToken(vocabulary.Ids[c.ToString()], i, 1))];
            Assert.Equal(model.Encode(word), symbols[..merger.Apply(symbols, out _)]);
        }, iter: 2000, threads: 1);
    }

    [Fact]
    public void HalfASurrogatePairIsAReplacementCharacter()
    {
        var tokenizer = TokenizerGoldens.Load("byte_level_gpt2");
        foreach (var text in new[] { "\uD83D", "a\uDE00b", "\uDE00\uD83D", "x\uD83D" })
        {
            var encoded = tokenizer.Encode(text, addSpecialTokens: false);
            Spans.AssertCover(text, encoded);
            Assert.Equal(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)), tokenizer.Decode(encoded.Ids));
        }
    }
}
