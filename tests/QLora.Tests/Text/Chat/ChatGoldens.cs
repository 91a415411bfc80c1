using System.Text.Json;
using QLora.Testing;
using QLora.Text;

namespace QLora.Tests.Text.Chat;

/// <summary>Conversations and templates as transformers rendered them. Templates of features are in the repository; published ones lie beside it.</summary>
internal static class ChatGoldens
{
    private static readonly Lazy<JsonElement> Features = new(() => Read(TestData.Golden("chat/features.json")));
    private static readonly Lazy<JsonElement> Published = new(() => Read(TestData.Shared("goldens/chat/templates.json")));

    /// <summary>Every recorded template.</summary>
    public static IEnumerable<JsonElement> Templates => Published.Value.GetProperty("templates").EnumerateArray();

    public static JsonElement Conversation(string name) => Features.Value.GetProperty("conversations").GetProperty(name);

    public static JsonElement Template(string name) => (name.StartsWith("feature.", StringComparison.Ordinal) ? Features : Published).Value
        .GetProperty("templates").EnumerateArray().Single(template => template.GetProperty("name").GetString() == name);

    public static ChatTemplate Parse(JsonElement template) => ChatTemplate.Parse(template.GetProperty("template").GetString()!, template.GetProperty("name").GetString()!);

    public static ChatTemplateOptions Options(JsonElement template) => new()
    {
        BosToken = template.GetProperty("bos_token").GetString(),
        EosToken = template.GetProperty("eos_token").GetString(),
        Variables = template.GetProperty("variables").EnumerateObject().ToDictionary(variable => variable.Name, variable => variable.Value),
    };

    private static JsonElement Read(string path) => JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;

    /// <summary>The template makes of a recorded conversation what was recorded, or refuses it as recorded.</summary>
    public static void AssertCase(ChatTemplate template, ChatTemplateOptions options, JsonElement recorded)
    {
        var conversation = Conversation(recorded.GetProperty("conversation").GetString()!);
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
