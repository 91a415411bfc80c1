using System.Text.Json;

namespace QLora.Text;

/// <summary>
/// Chat templates in a model's folder: <c>chat_template.jinja</c>, <c>additional_chat_templates/NAME.jinja</c>, or <c>chat_template</c> in <c>tokenizer_config.json</c>,
/// a string or a list of named ones.
/// </summary>
public static class ChatTemplateFiles
{
    private const string DefaultName = "default";

    // tokenizer_config.json holds the added tokens too; a hundred times what models come with.
    private const long MaxBytes = 64 << 20;

    /// <summary>Reads a template of a model's folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">Which, where there are several: <c>default</c>, <c>tool_use</c>, <c>rag</c> …</param>
    /// <returns>The template; null when the model has none at all.</returns>
    /// <exception cref="QLoraException">A file can't be read or is malformed, or there are templates but none of that name.</exception>
    public static ChatTemplate? Load(string folder, string name = DefaultName)
    {
        var found = Find(folder);
        if (found.Count == 0) return null;
        return found.TryGetValue(name, out var template)
            ? ChatTemplate.Parse(template.Source, template.File)
            : throw new QLoraException($"{folder} has no chat template '{name}', expected one of {string.Join(", ", found.Keys.Order(StringComparer.Ordinal))}");
    }

    /// <summary>All templates by name; a file of its own goes before what tokenizer_config.json says.</summary>
    private static Dictionary<string, (string File, string Source)> Find(string folder)
    {
        var found = new Dictionary<string, (string, string)>();
        var config = Path.Combine(folder, "tokenizer_config.json");
        if (File.Exists(config)) AddFromConfig(found, config);
        var own = Path.Combine(folder, "chat_template.jinja");
        if (File.Exists(own)) found[DefaultName] = (own, Read(own));
        var additional = Path.Combine(folder, "additional_chat_templates");
        if (Directory.Exists(additional))
        {
            foreach (var file in Directory.EnumerateFiles(additional, "*.jinja")) found[Path.GetFileNameWithoutExtension(file)] = (file, Read(file));
        }

        return found;
    }

    private static void AddFromConfig(Dictionary<string, (string, string)> found, string file)
    {
        using var config = Parse(file);
        if (config.RootElement.ValueKind != JsonValueKind.Object) throw new QLoraException($"{file} is no JSON object");
        if (!config.RootElement.TryGetProperty("chat_template", out var templates) || templates.ValueKind == JsonValueKind.Null) return;
        if (templates.ValueKind == JsonValueKind.String)
        {
            found[DefaultName] = (file, Text(templates, file));
            return;
        }

        if (templates.ValueKind != JsonValueKind.Array) throw Malformed(file);
        foreach (var entry in templates.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Object || !entry.TryGetProperty("name", out var name) || !entry.TryGetProperty("template", out var template)) throw Malformed(file);
            found[Text(name, file)] = (file, Text(template, file));
        }
    }

    private static JsonDocument Parse(string file)
    {
        try
        {
            return JsonDocument.Parse(Read(file));
        }
        catch (JsonException e)
        {
            throw new QLoraException($"{file} is not valid JSON: {e.Message}", e);
        }
    }

    private static string Text(JsonElement element, string file)
    {
        if (element.ValueKind != JsonValueKind.String) throw Malformed(file);
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Malformed(file);
        }
    }

    private static QLoraException Malformed(string file) => new($"{file}: chat_template is malformed, expected a string or a list of {{\"name\": …, \"template\": …}}");

    private static string Read(string file)
    {
        try
        {
            if (new FileInfo(file).Length > MaxBytes) throw new QLoraException($"{file} is larger than {MaxBytes >> 20} MiB, which no such file is");
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new QLoraException($"{file} can't be read: {e.Message}", e);
        }
    }
}
