using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

/// <summary>tokenize and preview.</summary>
public class TextCommandTests(TextModel model) : IClassFixture<TextModel>
{
    [Fact]
    public void Tokenize_reads_a_text_or_a_string_a_line()
    {
        Assert.Equal("[104,105,10]\n", Qlora.RunWith("hi\n", "tokenize", "--model", model.Path).Succeeded().Output);
        Assert.Equal("[104,105]\n[]\n[257,195,164]\n", Qlora.RunWith("\"hi\"\n\"\"\n\"<|im_end|>\\u00e4\"\n", "tokenize", "--model", model.Path, "--jsonl", "--json").Succeeded().Output);
        Assert.Equal("[]\n", Qlora.RunWith("", "tokenize", "--model", model.Path).Succeeded().Output);
    }

    [Fact]
    public void Tokenize_refuses_what_is_no_text()
    {
        Qlora.RunWith([0xFF, 0xFE], CancellationToken.None, "tokenize", "--model", model.Path).Failed(3, "not UTF-8");
        Qlora.RunWith("{\"a\": 1}\n", "tokenize", "--model", model.Path, "--jsonl").Failed(3, "standard input, line 1", "expected a JSON string");
        Qlora.RunWith("hi", "tokenize", "--model", TinyData.Model).Failed(3, "no tokenizer");
        Qlora.RunWith("hi", "tokenize").Failed(2, "--model");
    }

    [Fact]
    public void Preview_marks_what_is_learnt()
    {
        var lines = Qlora.Run("preview", "--model", model.Path, "--data", model.Chats, "--limit", "1").Succeeded().Output;
        Assert.Contains("<|im_start|>user\nlamp on<|im_end|>\n<|im_start|>assistant\n⟦A<|im_end|>\n⟧", lines, StringComparison.Ordinal);

        Assert.Contains("\e[32mA<|im_end|>\n\e[0m", Qlora.RunOnTerminal("", "preview", "--model", model.Path, "--data", model.Chats).Succeeded().Output, StringComparison.Ordinal);

        var json = Qlora.Run("preview", "--model", model.Path, "--data", model.Chats, "--json").Succeeded().JsonLines;
        Assert.Equal(4, json.Count);
        foreach (var example in json)
        {
            var ids = example.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()).ToList();
            var labels = example.GetProperty("labels").EnumerateArray().Select(id => id.GetInt32()).ToList();
            Assert.Equal(ids.Count, labels.Count);
            Assert.Equal([ids[^3], 257, '\n'], labels.TakeLast(3));
            Assert.All(labels.SkipLast(3), label => Assert.Equal(-100, label));
            Assert.EndsWith("<|im_end|>\n", example.GetProperty("text").GetString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Preview_shows_token_ids_of_a_model_without_a_tokenizer()
    {
        using var folder = new TemporaryFolder();
        var json = Qlora.Run("preview", "--model", TinyData.Model, "--data", folder.WriteTokens(examples: 1), "--json").Succeeded().Json;
        Assert.Equal([-100, -100, -100, 3, 4, 5, 6, 7], json.GetProperty("labels").EnumerateArray().Select(id => id.GetInt32()));
        Assert.Equal("[0 1 2][3 4 5 6 7]", json.GetProperty("text").GetString());
    }

    [Fact]
    public void Preview_refuses_what_training_would()
    {
        using var folder = new TemporaryFolder();
        Qlora.Run("preview", "--model", model.Path, "--data", folder["nothing"], "--json").Failed(3, "nothing");
        Qlora.Run("preview", "--model", model.Path, "--data", folder.Write("empty", ""), "--json").Failed(3, "no examples");
        Qlora.Run("preview", "--model", model.Path, "--data", folder.Write("bad", "{\"message\": []}\n"), "--json").Failed(3, "bad, line 1");
        Qlora.Run("preview", "--model", model.Path, "--data", model.Chats, "--max-length", "10", "--json").Failed(3, "line 1", "--max-length");
    }
}
