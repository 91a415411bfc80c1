using System.Text.Json;
using QLora.Testing;
using QLora.Text;

namespace QLora.Tests.Text.Chat;

/// <summary>Conversations and templates as transformers rendered them.</summary>
internal static class ChatGoldens
{
    private static readonly Lazy<JsonElement> Recorded =
        new(() => JsonDocument.Parse(File.ReadAllBytes(TestData.Shared("goldens/chat/templates.json"))).RootElement);

    public static JsonElement Conversation(string name) => Recorded.Value.GetProperty("conversations").GetProperty(name);

    public static IEnumerable<JsonElement> Templates => Recorded.Value.GetProperty("templates").EnumerateArray();

    public static JsonElement Template(string name) => Templates.Single(template => template.GetProperty("name").GetString() == name);

    public static ChatTemplate Parse(JsonElement template) => ChatTemplate.Parse(template.GetProperty("template").GetString()!, template.GetProperty("name").GetString()!);

    public static ChatTemplateOptions Options(JsonElement template) => new()
    {
        BosToken = template.GetProperty("bos_token").GetString(),
        EosToken = template.GetProperty("eos_token").GetString(),
        Variables = template.GetProperty("variables").EnumerateObject().ToDictionary(variable => variable.Name, variable => variable.Value),
    };
}
