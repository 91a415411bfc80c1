using System.Text.Json;
using QLora.Data;
using QLora.Tests.Text.Chat;

namespace QLora.Tests.Data;

/// <summary>Assistant turns in real templates, none of which marks them with generation blocks.</summary>
public sealed class AssistantTurnTests : IDisposable
{
    private const string Joke = "Why did the bit cross the bus?\n\nTo get to the other byte.";

    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData("smollm2", "<|im_end|>\n"), InlineData("qwen2_5", "<|im_end|>\n"), InlineData("llama3_2", "<|eot_id|>"), InlineData("gemma3", "<end_of_turn>\n"), InlineData("mistral_nemo", "</s>")]
    public void EveryTurnIsFoundWithWhatEndsIt(string template, string end) =>
        Assert.Equal([$"Hello! How can I help?{end}", $"{Joke}{end}"], Supervised(template, "multi_turn", lossOn: null));

    [Fact]
    public void ToolCallsAreTheAssistantsToo() => Assert.Equal(
        ["<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\", \"unit\": \"C\"}}\n</tool_call><|im_end|>\n", "It is -3 °C.<|im_end|>\n"],
        Supervised("qwen2_5", "tool_call", lossOn: null));

    [Fact]
    public void ATurnThatDoesNotBeginAsPromptedIsRefused()
    {
        var error = Assert.Throws<QLoraException>(() => Supervised("smollm2", "assistant_first", lossOn: null));
        Assert.StartsWith($"{_file}, line 1: chat template smollm2 does not let the assistant's turn messages[0] be told from the rest", error.Message);
    }

    [Fact]
    public void MistralsToolCallsAndAnswersAreFound()
    {
        Assert.Equal(["It is -3 °C.</s>"], Supervised("mistral_nemo", "tool_call", LossOn.Completion));
        Assert.Equal(2, Supervised("mistral_nemo", "tool_call", lossOn: null).Count);
    }

    private List<string> Supervised(string template, string conversation, LossOn? lossOn)
    {
        File.WriteAllText(_file, JsonSerializer.Serialize(ChatGoldens.Conversation(conversation)));
        var builder = new ExampleBuilder(new CharacterEncoder(), ChatGoldens.Parse(ChatGoldens.Template(template)), new DatasetOptions { LossOn = lossOn, MaxLength = 10_000 });
        var example = Assert.Single(Dataset.Read(_file, builder));
        return [.. example.SupervisedSpans().Select(span => example.Text[span.Start..span.End])];
    }
}
