using System.Text.Json.Nodes;

namespace QLora.Models;

/// <summary>Which layers attend within the window, as <c>layer_types</c> says it.</summary>
internal static class LayerTypes
{
    private const string Sliding = "sliding_attention";
    private const string Full = "full_attention";

    /// <summary>The layers of a config.</summary>
    /// <param name="json">The config.</param>
    /// <param name="layers">How many there are.</param>
    /// <param name="isSliding">The family's rule, for configs that do not say.</param>
    public static IReadOnlyList<bool> Read(ConfigJson json, int layers, Func<int, bool> isSliding)
    {
        if (json.Strings("layer_types") is not { } types) return [.. Enumerable.Range(0, layers).Select(isSliding)];
        if (types.Count != layers) throw json.Error("layer_types", $"has {types.Count} entries, expected {layers}, one for each layer");
        if (types.FirstOrDefault(type => type is not (Sliding or Full)) is { } unknown) throw json.Error("layer_types", $"'{unknown}' is not supported; there are {Full}, {Sliding}");
        return [.. types.Select(type => type == Sliding)];
    }

    /// <summary>The field.</summary>
    public static JsonArray Write(IReadOnlyList<bool> sliding) => new([.. sliding.Select(slides => (JsonNode)(slides ? Sliding : Full))]);
}
