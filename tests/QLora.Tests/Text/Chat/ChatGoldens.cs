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
}
