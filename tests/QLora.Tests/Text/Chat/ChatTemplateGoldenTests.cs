using System.Text.Json;
using QLora.Text;

namespace QLora.Tests.Text.Chat;

public class ChatTemplateGoldenTests
{
    [Theory]
    [InlineData("feature.loop_variables"), InlineData("feature.whitespace_control"), InlineData("feature.trim_blocks"), InlineData("feature.namespace_set")]
    [InlineData("feature.macro"), InlineData("feature.filters"), InlineData("feature.tests"), InlineData("feature.expressions"), InlineData("feature.methods")]
    [InlineData("feature.set_block_filter_block"), InlineData("feature.loop_controls"), InlineData("feature.raise"), InlineData("feature.raw_comment_escape")]
    [InlineData("feature.generation_block"), InlineData("feature.undefined_member")]
    [InlineData("smollm2"), InlineData("qwen2_5"), InlineData("llama3_2"), InlineData("gemma3"), InlineData("mistral_nemo")]
    public void RendersAsTransformersDoes(string name)
    {
        var recorded = ChatGoldens.Template(name);
        var template = ChatGoldens.Parse(recorded);
        var cases = recorded.GetProperty("cases").EnumerateArray().ToList();
        Assert.NotEmpty(cases);
        Assert.All(cases, recordedCase => AssertCase(template, ChatGoldens.Options(recorded), recordedCase));
    }

    [Fact]
    public void EveryRecordedTemplateIsTested()
    {
        var tested = typeof(ChatTemplateGoldenTests).GetMethod(nameof(RendersAsTransformersDoes))!.GetCustomAttributes(typeof(InlineDataAttribute), inherit: false)
            .Cast<InlineDataAttribute>().Select(data => (string)data.Data[0]!);
        Assert.Equal(ChatGoldens.Templates.Select(template => template.GetProperty("name").GetString()!).Order(), tested.Order());
    }

    private static void AssertCase(ChatTemplate template, ChatTemplateOptions options, JsonElement recorded)
    {
        var conversation = ChatGoldens.Conversation(recorded.GetProperty("conversation").GetString()!);
        options = options with
        {
            AddGenerationPrompt = recorded.GetProperty("add_generation_prompt").GetBoolean(),
            Tools = conversation.TryGetProperty("tools", out var tools) ? tools : null,
        };
        if (recorded.TryGetProperty("error", out var error))
        {
            var refused = Assert.Throws<ChatTemplateException>(() => template.Render(conversation.GetProperty("messages"), options));
            Assert.Equal(error.GetString(), refused.Reason);
            return;
        }

        var rendered = template.Render(conversation.GetProperty("messages"), options);
        Assert.Equal(recorded.GetProperty("rendered").GetString(), rendered.Text);
        Assert.Equal(recorded.TryGetProperty("assistant_spans", out var spans), rendered.AssistantSpans is not null);
        if (rendered.AssistantSpans is { } found) Assert.Equal(spans.EnumerateArray().Select(span => ToUtf16(rendered.Text, span)), found);
    }

    // The recorded positions count code points.
    private static TextSpan ToUtf16(string text, JsonElement span) => new(Position(text, span[0].GetInt32()), Position(text, span[1].GetInt32()));

    private static int Position(string text, int codePoints) => text.EnumerateRunes().Take(codePoints).Sum(rune => rune.Utf16SequenceLength);
}
