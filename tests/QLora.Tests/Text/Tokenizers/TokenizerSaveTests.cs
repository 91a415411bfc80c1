using System.Text.Json;
using QLora.Checkpoints.Gguf;
using QLora.Models;
using QLora.Testing;
using QLora.Tests.Training;
using QLora.Text;

namespace QLora.Tests.Text.Tokenizers;

/// <summary>A saved tokenizer is the same when it is read again.</summary>
public sealed class TokenizerSaveTests : IDisposable
{
    private static readonly JsonElement Messages = JsonDocument.Parse("""[{"role": "user", "content": "Hi"}]""").RootElement;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AFolderIsCopiedByteForByte()
    {
        foreach (var name in new[] { "byte_level_gpt2", "qwen2_5" })
        {
            var from = Path.GetDirectoryName(TokenizerGoldens.JsonPath(name))!;
            Tokenizer.FromJson(Path.Combine(from, "tokenizer.json")).Save(_folder[name], ChatTemplateFiles.Load(from));
            string[] files = [.. Directory.EnumerateFiles(from, "tokenizer*.json").Select(file => Path.GetFileName(file)).Order()];
            Assert.Equal(files, Directory.EnumerateFiles(_folder[name]).Select(file => Path.GetFileName(file)).Order());
            Assert.All(files, file => Assert.Equal(File.ReadAllBytes(Path.Combine(from, file)), File.ReadAllBytes(Path.Combine(_folder[name], file))));
        }
    }

    [Fact]
    public void ATemplateThatTheFolderLacksIsWrittenBeside()
    {
        var tokenizer = TokenizerGoldens.Load("byte_level_gpt2");
        tokenizer.Save(_folder.Path, ChatTemplate.Parse("{{ messages[0].content }}!", "mine"));
        Assert.Equal("Hi!", ChatTemplateFiles.Load(_folder.Path)!.Render(Messages, new ChatTemplateOptions()).Text);
        Tokenizer.FromJson(_folder["tokenizer.json"]).Save(_folder.Path, null);
        TokenizerGoldens.AssertMatches(Tokenizer.FromJson(_folder["tokenizer.json"]), "byte_level_gpt2");
    }

    [Fact]
    public void SmolLm2FromGgufBecomesAFolderWithTheSameIds()
    {
        using var file = ModelFile.Open(TokenizerGoldens.SmolLm2Path());
        var template = ChatTemplates.Load(file)!;
        Tokenizer.Load(file).Save(_folder.Path, template);

        var saved = Tokenizer.FromJson(_folder["tokenizer.json"]);
        Assert.Equal(("<|im_start|>", "<|im_end|>"), (saved.BosToken, saved.EosToken));
        TokenizerGoldens.AssertMatches(saved, "smollm2");
        Assert.Equal(template.Source, ChatTemplateFiles.Load(_folder.Path)!.Source);
        AssertSameParts(TokenizerGoldens.Json("smollm2"), JsonDocument.Parse(File.ReadAllBytes(_folder["tokenizer.json"])).RootElement);
    }

    [Fact]
    public void ATextMayGetTokensAround()
    {
        var builder = new GgufBuilder
        {
            Values =
            {
                ["tokenizer.ggml.model"] = "gpt2",
                ["tokenizer.ggml.pre"] = "llama-bpe",
                ["tokenizer.ggml.tokens"] = new List<string> { "a", "b", "<s>", "</s>" },
                ["tokenizer.ggml.token_type"] = new List<int> { 1, 1, 3, 3 },
                ["tokenizer.ggml.merges"] = new List<string>(),
                ["tokenizer.ggml.bos_token_id"] = 2,
                ["tokenizer.ggml.eos_token_id"] = 3,
                ["tokenizer.ggml.add_eos_token"] = true,
            },
        };
        builder.Write(_folder["x.gguf"]);
        using (var file = GgufFile.Open(_folder["x.gguf"])) Tokenizer.FromGguf(file).Save(_folder.Path, null);
        var encoded = Tokenizer.FromJson(_folder["tokenizer.json"]).Encode("ab", addSpecialTokens: true);
        Assert.Equal([2, 0, 1, 3], encoded.Ids);
        Assert.Equal([new(0, 0), new(0, 1), new(1, 2), new(2, 2)], encoded.Spans);
    }

    [Fact]
    public void TheByteTokenizerIsSavedAndRead()
    {
        var tokenizer = Tokenizer.ByteLevel(["<|im_start|>", "<|im_end|>"], eosToken: "<|im_end|>");
        Assert.Equal(258, tokenizer.VocabSize);
        tokenizer.Save(_folder.Path, null);
        foreach (var either in new[] { tokenizer, Tokenizer.FromJson(_folder["tokenizer.json"]) })
        {
            Assert.Equal((null, "<|im_end|>"), (either.BosToken, either.EosToken));
            Assert.Equal([256, 'é' >> 6 | 0xC0, 'é' & 0x3F | 0x80, ' ', '\n', 257], either.Encode("<|im_start|>é \n<|im_end|>", addSpecialTokens: true).Ids);
            Assert.Equal(Enumerable.Range(0, 128), either.Encode(new string([.. Enumerable.Range(0, 128).Select(c => (char)c)]), addSpecialTokens: false).Ids);
        }
    }

    [Fact]
    public void AnEndOfTextThatIsNoTokenIsRefused()
    {
        File.Copy(TokenizerGoldens.JsonPath("byte_level_gpt2"), _folder["tokenizer.json"]);
        File.WriteAllText(_folder["special_tokens_map.json"], """{"eos_token": {"content": "<|im_end|>"}}""");
        Assert.Equal("<|im_end|>", Tokenizer.FromJson(_folder["tokenizer.json"]).EosToken);
        File.WriteAllText(_folder["tokenizer_config.json"], """{"eos_token": "</s>"}""");
        AssertRefused("eos_token is '</s>', which is no token of the vocabulary");
        File.WriteAllText(_folder["tokenizer_config.json"], """{"eos_token": 2}""");
        AssertRefused("field 'eos_token' is 2");
    }

    private void AssertRefused(string expected) => Assert.Contains(expected, Assert.Throws<QLoraException>(() => Tokenizer.FromJson(_folder["tokenizer.json"])).Message);

    /// <summary>What the published file says of SmolLM2's tokenizer is what was made of the GGUF file's metadata.</summary>
    private static void AssertSameParts(JsonElement published, JsonElement written)
    {
        Assert.True(JsonElement.DeepEquals(published.GetProperty("model").GetProperty("vocab"), written.GetProperty("model").GetProperty("vocab")));
        Assert.True(JsonElement.DeepEquals(published.GetProperty("model").GetProperty("merges"), written.GetProperty("model").GetProperty("merges")));
        Assert.True(JsonElement.DeepEquals(published.GetProperty("added_tokens"), written.GetProperty("added_tokens")));
        Assert.True(JsonElement.DeepEquals(published.GetProperty("pre_tokenizer"), written.GetProperty("pre_tokenizer")));
    }
}
