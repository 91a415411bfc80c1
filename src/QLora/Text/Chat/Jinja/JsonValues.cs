using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace QLora.Text.Jinja;

/// <summary>JSON as a template's values.</summary>
internal static class JsonValues
{
    /// <exception cref="TemplateError">A string holds half a surrogate pair, which is no text.</exception>
    public static object? From(JsonElement element)
    {
        StackGuard.Check();
        switch (element.ValueKind)
        {
            case JsonValueKind.Null or JsonValueKind.Undefined: return null;
            case JsonValueKind.True: return true;
            case JsonValueKind.False: return false;
            case JsonValueKind.String: return Text(element.GetString);
            case JsonValueKind.Number: return Number(element);
            case JsonValueKind.Array: return new Sequence([.. element.EnumerateArray().Select(From)]);
            default:
                var mapping = new Mapping();
                foreach (var property in element.EnumerateObject()) mapping[Text(() => property.Name)!] = From(property.Value);
                return mapping;
        }
    }

    private static string? Text(Func<string?> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            throw new TemplateError("a string holds half of a surrogate pair (\\ud800 to \\udfff), which is no character");
        }
    }

    private static object Number(JsonElement element)
    {
        var text = element.GetRawText();
        if (text.AsSpan().ContainsAny('.', 'e', 'E')) return element.GetDouble();
        return long.TryParse(text, CultureInfo.InvariantCulture, out var integer) ? integer : BigInteger.Parse(text, CultureInfo.InvariantCulture);
    }
}
