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
        Assert.All(cases, recordedCase => ChatGoldens.AssertCase(template, ChatGoldens.Options(recorded), recordedCase));
    }

    [Fact]
    public void EveryRecordedTemplateIsTested()
    {
        var tested = typeof(ChatTemplateGoldenTests).GetMethod(nameof(RendersAsTransformersDoes))!.GetCustomAttributes(typeof(InlineDataAttribute), inherit: false)
            .Cast<InlineDataAttribute>().Select(data => (string)data.Data[0]!);
        Assert.Equal(ChatGoldens.Templates.Select(template => template.GetProperty("name").GetString()!).Order(), tested.Order());
    }
}
