using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

public class EvaluateCommandTests(TextModel model) : IClassFixture<TextModel>
{
    [Fact]
    public void Json_has_the_keys_of_the_design()
    {
        var json = Qlora.Run("evaluate", "--model", model.Path, "--data", model.Chats, "--generate", "--json").Succeeded().Json;
        var loss = json.GetProperty("loss").GetDouble();
        Assert.Equal(Math.Log(258), loss, 1.0); // a random model knows nothing
        Assert.Equal(Math.Exp(loss), json.GetProperty("perplexity").GetDouble(), 3);
        Assert.InRange(json.GetProperty("token_accuracy").GetDouble(), 0, 0.5);
        Assert.Equal(0, json.GetProperty("exact_match").GetDouble());
        Assert.Equal(4, json.GetProperty("examples").GetInt32());
    }

    [Fact]
    public void A_model_that_has_learnt_the_answers_gives_them()
    {
        using var folder = new TemporaryFolder();
        Qlora.Run("train", "--model", model.Path, "--data", model.Chats, "--output", folder["full"], "--method", "full", "--epochs", "60", "--batch-size", "4", "--learning-rate", "3e-3").Succeeded();
        var json = Qlora.Run("evaluate", "--model", folder["full"], "--data", model.Chats, "--generate", "--json").Succeeded().Json;
        Assert.Equal(1, json.GetProperty("exact_match").GetDouble());
        Assert.Equal(1, json.GetProperty("token_accuracy").GetDouble());
        var answer = Qlora.Run("generate", "--model", folder["full"], "--chat", "--prompt", "lamp off").Succeeded();
        Assert.Equal("B\n", answer.Output);
    }

    [Fact]
    public void Exact_match_is_only_shown_when_it_was_measured()
    {
        var outcome = Qlora.Run("evaluate", "--model", TinyData.Model, "--adapter", TinyData.Adapter, "--data", new TemporaryFolder().WriteTokens()).Succeeded();
        Assert.Contains("token accuracy", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("exact match", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_evaluated_is_refused()
    {
        using var folder = new TemporaryFolder();
        Qlora.Run("evaluate", "--model", model.Path, "--data", folder["nothing"], "--json").Failed(3, "nothing");
        Qlora.Run("evaluate", "--model", model.Path).Failed(2, "--data");
        Qlora.Run("evaluate", "--model", TinyData.Model, "--data", folder.WriteTokens(), "--generate", "--json").Failed(3, "no tokenizer");
        Qlora.Run("evaluate", "--model", model.Path, "--data", folder.Write("text.jsonl", "{\"text\": \"all is learnt\"}\n"), "--generate", "--json").Failed(3, "line 1", "no question and answer");
    }
}
