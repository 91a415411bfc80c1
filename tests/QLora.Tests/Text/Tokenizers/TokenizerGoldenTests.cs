using QLora.Models;
using QLora.Testing;
using QLora.Text;

namespace QLora.Tests.Text.Tokenizers;

/// <summary>Recorded texts have the ids that Hugging Face's tokenizers give them.</summary>
public class TokenizerGoldenTests
{
    public static TheoryData<string> Names =>
    [
        "byte_level_digits", "byte_level_gpt2", "byte_level_llama3", "byte_level_prefix_space", "byte_level_qwen2", "smollm2", "qwen2_5",
        "sentencepiece_gemma", "sentencepiece_llama2", "sentencepiece_metaspace",
    ];

    [Theory, MemberData(nameof(Names))]
    public void EveryTextMatches(string name) => TokenizerGoldens.AssertMatches(TokenizerGoldens.Load(name), name);

    [Theory, MemberData(nameof(Names))]
    public void SpansAreInOrderAndCoverTheText(string name)
    {
        var tokenizer = TokenizerGoldens.Load(name);
        Assert.All(TokenizerGoldens.Texts(name), recorded => Spans.AssertCover(recorded.Text, tokenizer.Encode(recorded.Text, addSpecialTokens: true)));
    }

    [Theory, MemberData(nameof(Names))]
    public void StreamsGiveWhatDecodingGives(string name)
    {
        var tokenizer = TokenizerGoldens.Load(name);
        foreach (var recorded in TokenizerGoldens.Texts(name))
        {
            Assert.Equal(recorded.DecodedSkip, string.Concat(Spans.Stream(tokenizer, recorded.Ids, skipSpecialTokens: true)));
            Assert.Equal(recorded.Decoded, string.Concat(Spans.Stream(tokenizer, recorded.Ids, skipSpecialTokens: false)));
        }
    }

    [Fact]
    public void EveryRecordedTokenizerIsTested()
    {
        var recorded = Directory.EnumerateDirectories(TestData.Shared("goldens/tokenizers")).Select(folder => Path.GetFileName(folder)!);
        Assert.Equal(recorded.Order(), Names.Select(row => row.Data).Order());
    }

    [Fact]
    public void TheGgufFileOfSmolLm2HasTheSameTokenizer()
    {
        using var file = ModelFile.Open(TokenizerGoldens.SmolLm2Path());
        var tokenizer = Tokenizer.Load(file);
        Assert.Equal(49152, tokenizer.VocabSize);
        Assert.Equal(("<|im_start|>", "<|im_end|>"), (tokenizer.BosToken, tokenizer.EosToken));
        TokenizerGoldens.AssertMatches(tokenizer, "smollm2");
    }

    [Fact]
    public void SpecialTokensComeFromTheFileBeside()
    {
        var tokenizer = TokenizerGoldens.Load("qwen2_5");
        Assert.Null(tokenizer.BosToken);
        Assert.Equal("<|im_end|>", tokenizer.EosToken);
        Assert.Equal(151645, tokenizer.IdOf("<|im_end|>"));
        Assert.Equal(151665, tokenizer.VocabSize);
        Assert.Null(tokenizer.IdOf("<|no such token|>"));
    }
}
