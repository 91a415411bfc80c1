using System.Text.Json;
using QLora.Cpu;
using QLora.Generation;
using QLora.Models;
using QLora.Models.Llama;
using QLora.Testing;
using QLora.Tests.Training;
using QLora.Text;

namespace QLora.Tests.Generation;

/// <summary>Answers of a small random model beside expected ones, which are its own or others.</summary>
public sealed class ExactMatchTests : IDisposable
{
    private const string Prompt = "say it";

    private readonly CpuBackend _backend = new(threads: 1);
    private readonly TemporaryFolder _folder = new();
    private readonly Tokenizer _tokenizer = Tokenizer.ByteLevel(["<|end|>"], eosToken: "<|end|>");
    private readonly ChatTemplate _template = ChatTemplate.Parse("{% for m in messages %}{{ m.content if m.content is string else m.content[0].text }}{% endfor %}", "test");

    /// <summary>The answer's last token is made the model's end of text.</summary>
    [Fact]
    public void The_share_is_that_of_answers_equal_but_for_white_space()
    {
        using var model = Model(out var answer);
        var rows = new object[]
        {
            new { prompt = Prompt, completion = answer },
            new { messages = new object[] { new { role = "user", content = Prompt }, new { role = "assistant", content = $" {answer}\n" } } },
            new { messages = new object[] { new { role = "user", content = new[] { new { type = "text", text = Prompt } } }, new { role = "assistant", content = new[] { new { type = "text", text = answer } } } } },
            new { prompt = Prompt, completion = answer + "x" },
        };
        var progress = new List<double>();
        var answers = new ExactMatch(model, _tokenizer, _template).Answer(Write(rows), new Reports(progress), TestContext.Current.CancellationToken);
        Assert.Equal([true, true, true, false], answers.Select(entry => entry.IsExact));
        Assert.All(answers, entry => Assert.Equal((Prompt, answer), (entry.Question, entry.Answer)));
        Assert.Equal(0.75, ExactMatch.Share(answers));
        Assert.Equal([0.25, 0.5, 0.75, 1], progress);
    }

    [Fact]
    public void Rows_without_question_and_answer_are_errors_with_their_line()
    {
        using var model = Model(out _);
        var good = new { prompt = Prompt, completion = "x" };
        var user = new { role = "user", content = Prompt };
        foreach (var (row, expected) in new (object, string)[]
        {
            (new { text = "only text" }, "no question and answer"),
            (new { messages = new object[] { user } }, "not the assistant's answer"),
            (new { messages = new object[] { user, new { role = "assistant", tool_calls = Array.Empty<int>() } } }, "messages[1] has no text"),
        })
        {
            var error = Assert.Throws<QLoraException>(() => new ExactMatch(model, _tokenizer, _template).Answer(Write(good, row), cancellation: TestContext.Current.CancellationToken));
            Assert.Contains(expected, error.Message);
            Assert.Contains("line 2", error.Message);
        }

        var untemplated = Write(new { messages = new object[] { user, new { role = "assistant", content = "x" } } });
        Assert.Contains("no chat template", Assert.Throws<QLoraException>(() => new ExactMatch(model, _tokenizer, null).Answer(untemplated, cancellation: TestContext.Current.CancellationToken)).Message);
    }

    [Fact]
    public void It_can_be_cancelled()
    {
        using var model = Model(out var answer);
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        Assert.Throws<OperationCanceledException>(() => new ExactMatch(model, _tokenizer, null).Answer(Write(new { prompt = Prompt, completion = answer }), cancellation: cancellation.Token));
    }

    public void Dispose()
    {
        _folder.Dispose();
        _backend.Dispose();
    }

    /// <summary>A model that ends its answer to the prompt by itself.</summary>
    private CausalLanguageModel Model(out string answer)
    {
        // A tied head would say the prompt's last token again and again.
        var config = TinyModel.Config with { VocabSize = _tokenizer.VocabSize, TieWordEmbeddings = false };
        using var endless = LlamaModel.Create(config, new RandomBuilder(_backend, 11));
        var options = new GenerationOptions { MaxNewTokens = 20, StopTokens = [] };
        var ids = new TextGenerator(endless).Generate(_tokenizer.Encode(Prompt, addSpecialTokens: true).Ids, options, TestContext.Current.CancellationToken).ToList();
        var end = ids.Select((id, place) => (id, place)).Last(entry => ids.IndexOf(entry.id) == entry.place).place;
        Assert.True(end > 0, "the model repeats one token; take another seed");
        answer = _tokenizer.Decode(ids.Take(end).ToArray());
        return LlamaModel.Create(config with { EosTokenIds = [ids[end]] }, new RandomBuilder(_backend, 11));
    }

    private string Write(params object[] rows)
    {
        var path = _folder["data.jsonl"];
        File.WriteAllLines(path, rows.Select(row => JsonSerializer.Serialize(row)));
        return path;
    }

    private sealed class Reports(List<double> values) : IProgress<double>
    {
        public void Report(double value) => values.Add(value);
    }
}
