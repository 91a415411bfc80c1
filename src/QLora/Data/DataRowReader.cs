using System.Text.Json;

namespace QLora.Data;

/// <summary>Tells which form a line has and checks it. Errors name the field; file and line are added by <see cref="Dataset"/>.</summary>
internal static class DataRowReader
{
    private const string Forms = "messages, prompt and completion, text, or input_ids and labels";

    // Fields that are in use under these names; whatever else stands in a row (an id, a source) is the user's own.
    private static readonly string[] Known = ["messages", "tools", "prompt", "completion", "text", "input_ids", "labels"];

    private static readonly string[] Roles = ["system", "developer", "user", "assistant", "tool"];

    public static DataRow Read(JsonElement line)
    {
        if (line.ValueKind != JsonValueKind.Object) throw new QLoraException($"found {Describe(line)}, expected an object with {Forms}");
        var fields = line.EnumerateObject().Where(field => Known.Contains(field.Name) && field.Value.ValueKind != JsonValueKind.Null).Select(field => field.Name).ToList();
        if (fields.Distinct().Count() < fields.Count) throw new QLoraException($"a field stands twice: {string.Join(", ", fields)}");
        return fields.Order(StringComparer.Ordinal).ToArray() switch
        {
            ["messages"] => new ChatRow(Messages(line.GetProperty("messages")), Tools: null),
            ["messages", "tools"] => new ChatRow(Messages(line.GetProperty("messages")), Tools(line.GetProperty("tools"))),
            ["completion", "prompt"] => new CompletionRow(Text(line, "prompt"), NotEmpty(line, "completion")),
            ["text"] => new TextRow(NotEmpty(line, "text")),
            ["input_ids", "labels"] => Tokens(line),
            [] => throw new QLoraException($"found none of the fields that are trained on, expected {Forms}"),
            var found => throw new QLoraException($"found {string.Join(", ", found)}, expected {Forms}"),
        };
    }

    private static List<JsonElement> Messages(JsonElement messages)
    {
        if (messages.ValueKind != JsonValueKind.Array) throw new QLoraException($"messages is {Describe(messages)}, expected an array");
        if (messages.GetArrayLength() == 0) throw new QLoraException("messages is empty");
        List<JsonElement> list = [.. messages.EnumerateArray()];
        for (var i = 0; i < list.Count; i++) CheckMessage(list[i], $"messages[{i}]");
        return list;
    }

    private static void CheckMessage(JsonElement message, string name)
    {
        if (message.ValueKind != JsonValueKind.Object) throw new QLoraException($"{name} is {Describe(message)}, expected an object with role and content");
        if (!message.TryGetProperty("role", out var role)) throw new QLoraException($"{name} has no role, expected {string.Join(", ", Roles)}");
        if (role.ValueKind != JsonValueKind.String) throw new QLoraException($"{name}.role is {Describe(role)}, expected {string.Join(", ", Roles)}");
        if (!Roles.Any(role.ValueEquals)) throw new QLoraException($"{name}.role is {role.GetRawText()}, expected {string.Join(", ", Roles)}");
        var hasContent = message.TryGetProperty("content", out var content) && content.ValueKind != JsonValueKind.Null;
        var callsTools = message.TryGetProperty("tool_calls", out var calls) && calls.ValueKind != JsonValueKind.Null;
        if (callsTools && calls.ValueKind != JsonValueKind.Array) throw new QLoraException($"{name}.tool_calls is {Describe(calls)}, expected an array");
        if (!hasContent && !callsTools) throw new QLoraException($"{name} has no content");
        if (hasContent) CheckContent(content, $"{name}.content");
    }

    private static void CheckContent(JsonElement content, string name)
    {
        if (content.ValueKind == JsonValueKind.String) return;
        if (content.ValueKind != JsonValueKind.Array) throw new QLoraException($"{name} is {Describe(content)}, expected a string or an array of text parts");
        foreach (var part in content.EnumerateArray())
        {
            var isText = part.ValueKind == JsonValueKind.Object && part.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String && type.ValueEquals("text")
                && part.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String;
            if (!isText) throw new QLoraException($"{name} has a part that is no text, expected {{\"type\": \"text\", \"text\": …}}");
        }
    }

    private static JsonElement Tools(JsonElement tools)
    {
        if (tools.ValueKind != JsonValueKind.Array) throw new QLoraException($"tools is {Describe(tools)}, expected an array of objects");
        foreach (var tool in tools.EnumerateArray())
        {
            if (tool.ValueKind != JsonValueKind.Object) throw new QLoraException($"tools holds {Describe(tool)}, expected objects");
        }

        return tools;
    }

    private static string Text(JsonElement line, string field)
    {
        var value = line.GetProperty(field);
        if (value.ValueKind != JsonValueKind.String)
        {
            var hint = field == "prompt" && value.ValueKind == JsonValueKind.Array ? "; a conversation goes into messages" : "";
            throw new QLoraException($"{field} is {Describe(value)}, expected a string{hint}");
        }

        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new QLoraException($"{field} holds half of a surrogate pair (\\ud800 to \\udfff), which is no character");
        }
    }

    private static string NotEmpty(JsonElement line, string field) => Text(line, field) is { Length: > 0 } text ? text : throw new QLoraException($"{field} is empty");

    private static TokenRow Tokens(JsonElement line)
    {
        var row = new TokenRow(Integers(line, "input_ids"), Integers(line, "labels"));
        if (row.InputIds.Length == 0) throw new QLoraException("input_ids is empty");
        return row.Labels.Length == row.InputIds.Length ? row
            : throw new QLoraException($"labels has {row.Labels.Length} entries, expected as many as input_ids, {row.InputIds.Length}");
    }

    private static int[] Integers(JsonElement line, string field)
    {
        var value = line.GetProperty(field);
        if (value.ValueKind != JsonValueKind.Array) throw new QLoraException($"{field} is {Describe(value)}, expected an array of token ids");
        var result = new int[value.GetArrayLength()];
        var i = 0;
        foreach (var item in value.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out result[i])) throw new QLoraException($"{field}[{i}] is {Describe(item)}, expected a token id");
            i++;
        }

        return result;
    }

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => value.GetRawText() is { Length: <= 32 } number ? number : "a number",
        var kind => kind.ToString().ToLowerInvariant(),
    };
}
