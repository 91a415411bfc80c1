using QLora.Text.Tokenizers;

namespace QLora.Tests.Text.Tokenizers;

/// <summary>The work grows with the length of a text, not with its square.</summary>
public class LongTextTests
{
    private const int Million = 1_000_000;

    [Fact]
    public void AWordOfAMillionLettersTakesThreeStepsForEach()
    {
        var vocabulary = TokenizerJson.Read(TokenizerFiles.Open(TokenizerGoldens.JsonPath("byte_level_gpt2"))).Vocabulary;
        var symbols = new WordToken[Million];
        for (var i = 0; i < symbols.Length; i++) symbols[i] = new WordToken(vocabulary.Ids["a"], i, 1);
        var count = new LongWordMerger(vocabulary.Merges).Apply(symbols, out var steps);
        Assert.InRange(steps, Million / 2, 3 * Million);
        Assert.InRange(count, 1, Million / 4);
        Assert.Equal(Million, symbols[..count].Sum(symbol => symbol.Length));
    }

    [Theory]
    [InlineData("byte_level_gpt2", "a"), InlineData("byte_level_llama3", "1"), InlineData("byte_level_qwen2", "e\u0301"), InlineData("byte_level_digits", " ")]
    [InlineData("sentencepiece_llama2", "a"), InlineData("sentencepiece_gemma", "字"), InlineData("sentencepiece_metaspace", " ")]
    public void AMillionOfTheSameIsOneText(string name, string repeated)
    {
        var text = string.Concat(Enumerable.Repeat(repeated, Million / 2));
        var encoded = TokenizerGoldens.Load(name).Encode(text, addSpecialTokens: false);
        Spans.AssertCover(text, encoded);
    }
}
