using System.CommandLine;
using System.Text.Json;

namespace QLora.Cli.Frame;

/// <summary>A JSON file with options under their own names: <c>{"rank": 8, "learning-rate": 1e-4}</c>. The command line goes before it.</summary>
internal static class OptionsFile
{
    /// <summary>The option that names such a file.</summary>
    public static Option<string?> NewOption() => Frame.NewOption.Text("--config", "A JSON file with these options under their names, without the dashes; the command line goes before it", "FILE");

    /// <summary>The file's options as arguments, without those that the command line gives.</summary>
    /// <param name="path">The file.</param>
    /// <param name="command">The command whose options it may name.</param>
    /// <param name="given">The command line.</param>
    /// <exception cref="QLoraException">It cannot be read, is no JSON object, or names an option that the command does not have.</exception>
    public static IReadOnlyList<string> Read(string path, CliCommand command, ParseResult given)
    {
        using var document = Open(path);
        if (document.RootElement.ValueKind != JsonValueKind.Object) throw new QLoraException($"{path}: found {document.RootElement.ValueKind}, expected an object of options");
        List<string> arguments = [];
        var seen = new HashSet<Option>();
        foreach (var entry in document.RootElement.EnumerateObject())
        {
            var option = Find(path, entry.Name, command);
            if (!seen.Add(option)) throw new QLoraException($"{path}: '{entry.Name}' stands there twice");
            if (given.GetResult(option) is not { Implicit: false }) arguments.AddRange(Values(path, entry, option).Select(value => $"{option.Name}={value}"));
        }

        return arguments;
    }

    private static JsonDocument Open(string path)
    {
        try
        {
            return JsonDocument.Parse(InputFile.ReadAllBytes(path, "options"), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        }
        catch (JsonException cause)
        {
            throw new QLoraException($"{path}: not valid JSON: {cause.Message}", cause);
        }
    }

    private static Option Find(string path, string name, CliCommand command)
    {
        var options = command.Options.Where(option => option != command.ConfigOption).ToList();
        return options.FirstOrDefault(option => option.Aliases.Prepend(option.Name).Contains($"--{name.Replace('_', '-')}"))
            ?? throw new QLoraException($"{path}: '{name}' is no option of qlora {command.Name}; there are {string.Join(", ", options.Select(option => option.Name[2..]))}");
    }

    private static IEnumerable<string> Values(string path, JsonProperty entry, Option option)
    {
        var value = entry.Value;
        if (value.ValueKind != JsonValueKind.Array) return Text(value) is { } text ? [text] : value.ValueKind == JsonValueKind.Null ? [] : throw Wrong();
        var items = value.EnumerateArray().Select(item => Text(item) ?? throw Wrong()).ToList();
        return option.Arity.MaximumNumberOfValues > 1 ? items : [string.Join(',', items)];

        QLoraException Wrong() => new($"{path}: '{entry.Name}' is {entry.Value.GetRawText()}, expected a string, a number, true, false or an array of them");
    }

    private static string? Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetRawText(),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => null,
    };
}
