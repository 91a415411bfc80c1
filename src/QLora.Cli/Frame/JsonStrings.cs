using System.Text.Json;

namespace QLora.Cli.Frame;

/// <summary>Texts as JSON strings, one a line.</summary>
internal static class JsonStrings
{
    /// <summary>The texts.</summary>
    /// <param name="lines">The lines.</param>
    /// <param name="origin">Where they come from, for messages.</param>
    /// <exception cref="QLoraException">When it is reached: a line is no JSON string.</exception>
    public static IEnumerable<string> ParseLines(string lines, string origin)
    {
        var all = lines.Split('\n');
        var count = all[^1].Length == 0 ? all.Length - 1 : all.Length;
        for (var i = 0; i < count; i++) yield return Parse(all[i], $"{origin}, line {i + 1}");
    }

    private static string Parse(string line, string where)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return document.RootElement.ValueKind == JsonValueKind.String
                ? document.RootElement.GetString()!
                : throw new QLoraException($"{where}: found {document.RootElement.ValueKind}, expected a JSON string");
        }
        catch (Exception cause) when (cause is JsonException or InvalidOperationException)
        {
            throw new QLoraException($"{where}: not a JSON string: {cause.Message}", cause);
        }
    }
}
