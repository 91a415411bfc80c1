namespace QLora.Checkpoints.Gguf;

/// <summary>
/// The metadata of a GGUF file: typed values by key. Long arrays are read when they are asked for. A value of another kind than asked for is an error that
/// names the key; a key that is not there is null.
/// </summary>
public sealed class GgufMetadata
{
    private readonly string _path;
    private readonly IReadOnlyDictionary<string, object> _values;

    internal GgufMetadata(string path, IReadOnlyDictionary<string, object> values) => (_path, _values) = (path, values);

    /// <summary>The keys, in the order of the file.</summary>
    public IEnumerable<string> Keys => _values.Keys;

    /// <summary>A string.</summary>
    public string? GetString(string key) => Find(key) is not { } value ? null : value as string ?? throw Wrong(key, value, "a string");

    /// <summary>An integer of any width.</summary>
    public long? GetInteger(string key) => Find(key) is not { } value ? null : AsInteger(value) ?? throw Wrong(key, value, "an integer");

    /// <summary>A number of any kind.</summary>
    public double? GetNumber(string key) => Find(key) is not { } value ? null : AsNumber(value) ?? throw Wrong(key, value, "a number");

    /// <summary>True or false.</summary>
    public bool? GetBoolean(string key) => Find(key) is not { } value ? null : value as bool? ?? throw Wrong(key, value, "true or false");

    /// <summary>An array of strings.</summary>
    public IReadOnlyList<string>? GetStrings(string key) => Elements(key, "strings", value => value as string);

    /// <summary>An array of integers of any width.</summary>
    public IReadOnlyList<long>? GetIntegers(string key) => Elements(key, "integers", AsInteger);

    /// <summary>An array of numbers of any kind.</summary>
    public IReadOnlyList<double>? GetNumbers(string key) => Elements(key, "numbers", AsNumber);

    /// <summary>A value as a person reads it; long ones are cut.</summary>
    public string Describe(string key) => Find(key) switch
    {
        null => "",
        string text => text.Length > 80 ? text[..80] + "…" : text,
        GgufArray array => $"{array.Count} × {array.ElementType}",
        var value => Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture)!,
    };

    private object? Find(string key) => _values.GetValueOrDefault(key);

    private IReadOnlyList<T>? Elements<T>(string key, string expected, Func<object, T?> convert) where T : struct
        => Find(key) is not { } value ? null : [.. AsArray(key, value, expected).Read().Select(element => convert(element) ?? throw Wrong(key, element, expected))];

    private IReadOnlyList<string>? Elements(string key, string expected, Func<object, string?> convert)
        => Find(key) is not { } value ? null : [.. AsArray(key, value, expected).Read().Select(element => convert(element) ?? throw Wrong(key, element, expected))];

    private GgufArray AsArray(string key, object value, string expected) => value as GgufArray ?? throw Wrong(key, value, $"an array of {expected}");

    private static long? AsInteger(object value) => value switch
    {
        byte v => v,
        sbyte v => v,
        ushort v => v,
        short v => v,
        uint v => v,
        int v => v,
        long v => v,
        ulong v and <= long.MaxValue => (long)v,
        _ => null,
    };

    private static double? AsNumber(object value) => value switch
    {
        float v => v,
        double v => v,
        _ => AsInteger(value),
    };

    private QLoraException Wrong(string key, object value, string expected)
        => new($"{_path}: key {key} is {(value is GgufArray array ? $"an array of {array.ElementType}" : value.GetType().Name)}, expected {expected}");
}

/// <summary>An array in the metadata, checked when the file was opened and decoded on demand.</summary>
internal sealed record GgufArray(GgufValueType ElementType, int Count, Func<IEnumerable<object>> Read);
