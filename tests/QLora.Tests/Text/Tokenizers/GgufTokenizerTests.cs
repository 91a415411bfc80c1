using QLora.Checkpoints.Gguf;
using QLora.Tests.Training;
using QLora.Text;

namespace QLora.Tests.Text.Tokenizers;

/// <summary>Tokenizers in GGUF metadata: the recorded ones, rewritten as llama.cpp's converter writes them, and broken ones.</summary>
public sealed class GgufTokenizerTests : IDisposable
{
    private const int Normal = 1, Control = 3, UserDefined = 4, Unused = 5;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("byte_level_gpt2", "gpt-2"), InlineData("byte_level_digits", "smollm")]
    [InlineData("byte_level_llama3", "llama-bpe"), InlineData("byte_level_qwen2", "qwen2")]
    public void PreTokenizersGoByTheirNames(string golden, string pre)
    {
        var builder = Rewrite(golden, "gpt2");
        builder.Values["tokenizer.ggml.pre"] = pre;
        var tokenizer = Load(builder);
        Assert.Equal(TokenizerGoldens.Load(golden).VocabSize, tokenizer.VocabSize);

        // GGUF does not tell which tokens take white space or stand alone, so texts with those that do are left out.
        foreach (var recorded in TokenizerGoldens.Texts(golden).Where(recorded => !recorded.Text.Contains("<pad") && !recorded.Text.Contains("<word")))
        {
            Assert.Equal(recorded.Ids, tokenizer.Encode(recorded.Text, addSpecialTokens: false).Ids);
            Assert.Equal(recorded.IdsWithSpecial, tokenizer.Encode(recorded.Text, addSpecialTokens: true).Ids);
            Assert.Equal(recorded.Decoded, tokenizer.Decode(recorded.Ids));
        }
    }

    [Fact]
    public void ScoresSayWhichPairGoesFirst()
    {
        var builder = Rewrite("sentencepiece_llama2", "llama");
        var tokens = (List<string>)builder.Values["tokenizer.ggml.tokens"];
        var scores = tokens.Select((_, id) => -(float)id).ToList();
        builder.Values["tokenizer.ggml.scores"] = scores;
        builder.Values["tokenizer.ggml.unknown_token_id"] = 0;
        builder.Values["tokenizer.ggml.bos_token_id"] = 1;
        var tokenizer = Load(builder);
        Assert.Equal("<s>", tokenizer.BosToken);
        var ids = tokens.Select((token, id) => (token, id)).ToDictionary(entry => entry.token, entry => entry.id);
        var texts = TokenizerGoldens.Texts("sentencepiece_llama2").Where(recorded => recorded.Text.Length > 0 && !recorded.Text.Contains('<')).ToList();
        Assert.True(texts.Count > 150);
        Assert.All(texts, recorded =>
        {
            int[] expected = [1, .. ByScores(recorded.Text, ids, scores)];
            Assert.Equal(expected, tokenizer.Encode(recorded.Text, addSpecialTokens: true).Ids);
            Assert.Equal(recorded.Text, tokenizer.Decode(expected, skipSpecialTokens: false)["<s>".Length..].TrimStart(' ').PadLeft(recorded.Text.Length));
        });
    }

    [Fact]
    public void TokensThatFillUpPlacesAreNone()
    {
        var builder = Tiny();
        ((List<string>)builder.Values["tokenizer.ggml.tokens"]).AddRange(["[PAD5]", "<x>", "[PAD7]"]);
        ((List<int>)builder.Values["tokenizer.ggml.token_type"]).AddRange([Unused, UserDefined, Unused]);
        var tokenizer = Load(builder);
        Assert.Equal(7, tokenizer.VocabSize);
        Assert.Null(tokenizer.IdOf("[PAD5]"));
        Assert.Equal("<x>ab", tokenizer.Decode([5, 6, 2, 7], skipSpecialTokens: true));
    }

    [Theory]
    [InlineData("model", null, "key tokenizer.ggml.model is missing: the file has no tokenizer")]
    [InlineData("model", "bert", "key tokenizer.ggml.model is 'bert', which is not supported; there are gpt2 and llama")]
    [InlineData("pre", null, "key tokenizer.ggml.pre is missing")]
    [InlineData("pre", "bloom", "key tokenizer.ggml.pre is 'bloom', which is not supported; there are gpt-2, llama-bpe")]
    [InlineData("tokens", null, "key tokenizer.ggml.tokens is missing")]
    [InlineData("tokens", "x", "key tokenizer.ggml.tokens is String, expected an array of strings")]
    [InlineData("token_type", new[] { 1, 1 }, "key tokenizer.ggml.token_type has 2 entries for 5 tokens")]
    [InlineData("merges", null, "key tokenizer.ggml.merges is missing")]
    [InlineData("merges", new[] { "ab" }, "key tokenizer.ggml.merges has 'ab', expected two tokens with a space between")]
    [InlineData("merges", new[] { "a c" }, "tokenizer: model: merges: entry 0 needs 'c', which is no token of vocab")]
    [InlineData("tokens", new[] { "a", "b", "a", "c", "d" }, "token 'a' stands twice")]
    [InlineData("eos_token_id", 5, "key tokenizer.ggml.eos_token_id is 5, which is no token")]
    [InlineData("bos_token_id", -1, "key tokenizer.ggml.bos_token_id is -1, which is no token")]
    [InlineData("add_bos_token", true, "key tokenizer.ggml.bos_token_id is missing, but texts shall get the bos token")]
    [InlineData("add_bos_token", 1, "add_bos_token is Int32, expected true or false")]
    public void BrokenMetadataIsNamed(string key, object? value, string expected)
    {
        var builder = Tiny();
        if (value is null) builder.Values.Remove($"tokenizer.ggml.{key}");
        else builder.Values[$"tokenizer.ggml.{key}"] = value;
        var error = Assert.Throws<QLoraException>(() => Load(builder));
        Assert.StartsWith(_folder.Path, error.Message);
        Assert.Contains(expected, error.Message);
    }

    [Fact]
    public void ScoresMustBeThereForEachToken()
    {
        var builder = Tiny();
        builder.Values["tokenizer.ggml.model"] = "llama";
        Assert.Contains("key tokenizer.ggml.scores is missing", Assert.Throws<QLoraException>(() => Load(builder)).Message);
        builder.Values["tokenizer.ggml.scores"] = new[] { 1f };
        Assert.Contains("key tokenizer.ggml.scores has 1 entries for 5 tokens", Assert.Throws<QLoraException>(() => Load(builder)).Message);
    }

    private Tokenizer Load(GgufBuilder builder)
    {
        builder.Write(_folder["x.gguf"]);
        using var file = GgufFile.Open(_folder["x.gguf"]);
        return Tokenizer.FromGguf(file);
    }

    private static GgufBuilder Tiny() => new()
    {
        Values =
        {
            ["tokenizer.ggml.model"] = "gpt2",
            ["tokenizer.ggml.pre"] = "gpt-2",
            ["tokenizer.ggml.tokens"] = new List<string> { "a", "b", "ab", "<s>", "</s>" },
            ["tokenizer.ggml.token_type"] = new List<int> { Normal, Normal, Normal, Control, Control },
            ["tokenizer.ggml.merges"] = new List<string> { "a b" },
            ["tokenizer.ggml.eos_token_id"] = 4,
        },
    };

    private static GgufBuilder Rewrite(string golden, string kind)
    {
        var json = TokenizerGoldens.Json(golden);
        var model = json.GetProperty("model");
        var tokens = new SortedDictionary<int, (string Text, int Type)>();
        foreach (var entry in model.GetProperty("vocab").EnumerateObject()) tokens[entry.Value.GetInt32()] = (entry.Name, Normal);
        foreach (var added in json.GetProperty("added_tokens").EnumerateArray())
        {
            tokens[added.GetProperty("id").GetInt32()] = (added.GetProperty("content").GetString()!, added.GetProperty("special").GetBoolean() ? Control : UserDefined);
        }

        return new GgufBuilder
        {
            Values =
            {
                ["tokenizer.ggml.model"] = kind,
                ["tokenizer.ggml.tokens"] = tokens.Values.Select(token => token.Text).ToList(),
                ["tokenizer.ggml.token_type"] = tokens.Values.Select(token => token.Type).ToList(),
                ["tokenizer.ggml.merges"] = model.GetProperty("merges").EnumerateArray().Select(pair => $"{pair[0]} {pair[1]}").ToList(),
                ["tokenizer.ggml.bos_token_id"] = 0,
            },
        };
    }

    /// <summary>SentencePiece's rule, word for word: of all pairs that make a token the one with the best score is put together, the leftmost first.</summary>
    private static IEnumerable<int> ByScores(string text, Dictionary<string, int> ids, List<float> scores)
    {
        var symbols = ('▁' + text.Replace(' ', '▁')).EnumerateRunes().Select(rune => rune.ToString()).ToList();
        while (true)
        {
            var pairs = Enumerable.Range(0, symbols.Count - 1).Where(i => ids.ContainsKey(symbols[i] + symbols[i + 1])).ToList();
            if (pairs.Count == 0) break;
            var best = pairs.MaxBy(i => scores[ids[symbols[i] + symbols[i + 1]]]);
            symbols[best] += symbols[best + 1];
            symbols.RemoveAt(best + 1);
        }

        return symbols.SelectMany(symbol => ids.TryGetValue(symbol, out var id) ? [id] : System.Text.Encoding.UTF8.GetBytes(symbol).Select(b => ids[$"<0x{b:X2}>"]));
    }
}
