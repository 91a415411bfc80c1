using System.Text.Json;
using QLora.Checkpoints;

namespace QLora.Models;

/// <summary>
/// A JSON object of a model's folder (config.json, tokenizer.json …), read strictly: a field that is missing or of the wrong kind is an error that names the file, the
/// field and what was expected.
/// </summary>
public sealed class ConfigJson
{
    private readonly string _origin;
    private readonly JsonElement _object;

    private ConfigJson(string origin, JsonElement element) => (_origin, _object) = (origin, element);

    /// <summary>What errors call this object: its file, and where in it.</summary>
    public string Origin => _origin;

    /// <summary>Reads <c>config.json</c> of a model folder.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="QLoraException">It is missing or no JSON object.</exception>
    public static ConfigJson Open(string path)
    {
        try
        {
            return Parse(File.ReadAllBytes(path), path);
        }
        catch (IOException cause)
        {
            throw new QLoraException($"{path}: cannot be read: {cause.Message}", cause);
        }
        catch (UnauthorizedAccessException cause)
        {
            throw new QLoraException($"{path}: cannot be read: {cause.Message}", cause);
        }
    }

    /// <summary>Reads an object from memory.</summary>
    /// <param name="utf8">Its text.</param>
    /// <param name="origin">What errors call it.</param>
    /// <exception cref="QLoraException">It is no JSON object.</exception>
    public static ConfigJson Parse(ReadOnlyMemory<byte> utf8, string origin)
    {
        using var document = StrictJson.Parse(utf8, origin, allowComments: true);
        if (document.RootElement.ValueKind != JsonValueKind.Object) throw new QLoraException($"{origin}: expected a JSON object, found {document.RootElement.ValueKind}");
        return new ConfigJson(origin, document.RootElement.Clone());
    }

    /// <summary>An integer from <paramref name="minimum"/> to <paramref name="maximum"/>; <paramref name="fallback"/> where the field is missing or null.</summary>
    public int Integer(string field, int? fallback = null, int minimum = 1, int maximum = int.MaxValue)
    {
        if (Find(field) is not { } value) return fallback ?? throw Missing(field, "an integer");
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out var number) || number < minimum || number > maximum)
        {
            throw Wrong(field, value, $"an integer from {minimum} {(maximum == int.MaxValue ? "up" : $"to {maximum}")}");
        }

        return number;
    }

    /// <summary>An integer, or null where the field is missing or null.</summary>
    public int? OptionalInteger(string field, int minimum = 1) => Find(field) is null ? null : Integer(field, null, minimum);

    /// <summary>A finite number; <paramref name="fallback"/> where the field is missing or null.</summary>
    public double Number(string field, double? fallback = null)
    {
        if (Find(field) is not { } value) return fallback ?? throw Missing(field, "a number");
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number) ? number : throw Wrong(field, value, "a number");
    }

    /// <summary>A finite number, or null where the field is missing or null.</summary>
    public double? OptionalNumber(string field) => Find(field) is null ? null : Number(field);

    /// <summary>True or false; <paramref name="fallback"/> where the field is missing or null.</summary>
    public bool Boolean(string field, bool fallback)
    {
        if (Find(field) is not { } value) return fallback;
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(field, value, "true or false");
    }

    /// <summary>A string; <paramref name="fallback"/> where the field is missing or null.</summary>
    public string String(string field, string? fallback = null)
    {
        if (Find(field) is not { } value) return fallback ?? throw Missing(field, "a string");
        return Text(value) ?? throw Wrong(field, value, "a string");
    }

    /// <summary>A string, or null where the field is missing or something else.</summary>
    public string? Text(string field) => Find(field) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    /// <summary>Integers, written as one or as an array; empty where the field is missing or null.</summary>
    public IReadOnlyList<int> Integers(string field)
    {
        if (Find(field) is not { } value) return [];
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var single)) return [single];
        if (value.ValueKind != JsonValueKind.Array) throw Wrong(field, value, "an integer or an array of them");
        return [.. value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var number) ? number : throw Wrong(field, item, "integers"))];
    }

    /// <summary>Strings, or null where the field is missing, null or no array.</summary>
    public IReadOnlyList<string>? Strings(string field)
    {
        if (Find(field) is not { ValueKind: JsonValueKind.Array } value) return null;
        return [.. value.EnumerateArray().Select(item => Text(item) ?? throw Wrong(field, item, "strings"))];
    }

    /// <summary>Whether a field is missing, null, false, or an empty array or object.</summary>
    public bool IsOff(string field) => Find(field) is not { } value || value.ValueKind switch
    {
        JsonValueKind.False => true,
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        _ => false,
    };

    /// <summary>An object within this one, or null where the field is missing or null.</summary>
    public ConfigJson? Object(string field)
    {
        if (Find(field) is not { } value) return null;
        return value.ValueKind == JsonValueKind.Object ? new ConfigJson($"{_origin}: {field}", value) : throw Wrong(field, value, "an object");
    }

    /// <summary>The objects of an array.</summary>
    public IReadOnlyList<ConfigJson> Objects(string field)
    {
        var value = Value(field, "an array of objects");
        if (value.ValueKind != JsonValueKind.Array) throw Wrong(field, value, "an array of objects");
        return [.. value.EnumerateArray().Select((item, i) =>
            item.ValueKind == JsonValueKind.Object ? new ConfigJson($"{_origin}: {field}[{i}]", item) : throw Wrong(field, item, "objects"))];
    }

    /// <summary>Whether a field is there and not null.</summary>
    public bool Has(string field) => Find(field) is not null;

    /// <summary>Whether a field is there and says null.</summary>
    public bool IsNull(string field) => _object.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.Null;

    /// <summary>A field of any kind, which must be there.</summary>
    internal JsonElement Value(string field, string expected) => Find(field) ?? throw Missing(field, expected);

    /// <summary>A string's text; null for anything else.</summary>
    internal static string? Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>An error about one field.</summary>
    public QLoraException Error(string field, string message) => new($"{_origin}: {field}: {message}");

    private JsonElement? Find(string field) => _object.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private QLoraException Missing(string field, string expected) => new($"{_origin}: field '{field}' is missing, expected {expected}");

    private QLoraException Wrong(string field, JsonElement value, string expected)
    {
        var text = value.GetRawText();
        return new QLoraException($"{_origin}: field '{field}' is {(text.Length > 60 ? text[..60] + "…" : text)}, expected {expected}");
    }
}
