using System.Text.Json.Nodes;
using QLora.Layers;

namespace QLora.Models;

/// <summary>Reads rotary settings in the forms of transformers 4 (<c>rope_theta</c>, <c>rope_scaling</c>) and 5 (<c>rope_parameters</c>).</summary>
internal static class RotaryConfig
{
    /// <summary>The settings of a config.</summary>
    /// <param name="json">The config.</param>
    /// <param name="headSize">Elements of a head.</param>
    /// <param name="context">The longest sequence the model was made for.</param>
    /// <param name="defaultTheta">The base of the frequencies where none is given.</param>
    /// <param name="rotatesPartly">Whether the family knows heads that are rotated in part.</param>
    public static RotaryParameters Read(ConfigJson json, int headSize, int context, double defaultTheta, bool rotatesPartly)
    {
        var parameters = json.Object("rope_parameters");
        if (parameters?.Object("full_attention") is { } full) parameters = full; // families whose sliding layers have settings of their own
        var scaling = parameters ?? json.Object("rope_scaling");
        var theta = parameters?.OptionalNumber("rope_theta") ?? json.Number("rope_theta", defaultTheta);
        if (!(theta > 1)) throw json.Error("rope_theta", $"is {theta}, expected a number above 1");
        var share = parameters?.OptionalNumber("partial_rotary_factor") ?? json.Number("partial_rotary_factor", 1);
        if (share != 1 && !rotatesPartly) throw json.Error("partial_rotary_factor", $"is {share}, which is not supported; expected 1");
        var rotated = (int)(headSize * share);
        if (!(share > 0 && share <= 1) || rotated == 0 || rotated % 2 != 0)
        {
            throw json.Error("partial_rotary_factor", $"is {share}, which makes {rotated} of {headSize} elements rotate; expected an even number of them");
        }

        var type = scaling is null ? "default" : scaling.String("rope_type", scaling.String("type", "default"));
        var basis = new RotaryParameters(rotated, theta);
        return type switch
        {
            "default" => basis,
            "linear" => basis with { Scaling = RotaryScaling.Linear, Factor = Factor(scaling!) },
            "dynamic" => basis with { Scaling = RotaryScaling.Dynamic, Factor = Factor(scaling!), OriginalContext = context },
            "llama3" => basis with
            {
                Scaling = RotaryScaling.Llama3,
                Factor = Factor(scaling!),
                OriginalContext = scaling!.Integer("original_max_position_embeddings"),
                LowFrequencyFactor = Positive(scaling, "low_freq_factor"),
                HighFrequencyFactor = HighFrequencyFactor(scaling),
            },
            "yarn" => basis with
            {
                Scaling = RotaryScaling.Yarn,
                Factor = Factor(scaling!),
                OriginalContext = scaling!.Integer("original_max_position_embeddings", context),
                BetaFast = Positive(scaling, "beta_fast", 32),
                BetaSlow = Positive(scaling, "beta_slow", 1),
                Truncate = scaling.Boolean("truncate", true),
                AttentionFactor = scaling.OptionalNumber("attention_factor"),
                MScale = scaling.OptionalNumber("mscale"),
                MScaleAllDimensions = scaling.OptionalNumber("mscale_all_dim"),
            },
            _ => throw scaling!.Error("rope_type", $"'{type}' is not supported; there are default, linear, dynamic, llama3, yarn"),
        };
    }

    /// <summary><c>rope_scaling</c> as transformers 4 writes it; null for the default.</summary>
    /// <exception cref="QLoraException">The settings have no form there.</exception>
    public static JsonObject? WriteScaling(RotaryParameters rotary) => rotary.Scaling switch
    {
        RotaryScaling.Default => null,
        RotaryScaling.Linear => new JsonObject { ["rope_type"] = "linear", ["factor"] = rotary.Factor },
        RotaryScaling.Dynamic => new JsonObject { ["rope_type"] = "dynamic", ["factor"] = rotary.Factor },
        RotaryScaling.Llama3 => new JsonObject
        {
            ["rope_type"] = "llama3",
            ["factor"] = rotary.Factor,
            ["low_freq_factor"] = rotary.LowFrequencyFactor,
            ["high_freq_factor"] = rotary.HighFrequencyFactor,
            ["original_max_position_embeddings"] = rotary.OriginalContext,
        },
        RotaryScaling.Yarn => WriteYarn(rotary),
        _ => throw new QLoraException("rotary frequency factors of a GGUF file have no form in config.json"),
    };

    private static JsonObject WriteYarn(RotaryParameters rotary)
    {
        var scaling = new JsonObject
        {
            ["rope_type"] = "yarn",
            ["factor"] = rotary.Factor,
            ["original_max_position_embeddings"] = rotary.OriginalContext,
            ["beta_fast"] = rotary.BetaFast,
            ["beta_slow"] = rotary.BetaSlow,
            ["truncate"] = rotary.Truncate,
        };
        if (rotary.AttentionFactor is { } factor) scaling["attention_factor"] = factor;
        if (rotary.MScale is { } mscale) scaling["mscale"] = mscale;
        if (rotary.MScaleAllDimensions is { } all) scaling["mscale_all_dim"] = all;
        return scaling;
    }

    private static double Factor(ConfigJson scaling) => scaling.Number("factor") is var factor && factor >= 1
        ? factor
        : throw scaling.Error("factor", $"is {factor}, expected 1 or more");

    private static double HighFrequencyFactor(ConfigJson scaling) => (Positive(scaling, "low_freq_factor"), Positive(scaling, "high_freq_factor")) is var (low, high) && high > low
        ? high
        : throw scaling.Error("high_freq_factor", $"is {high}, expected more than low_freq_factor {low}");

    private static double Positive(ConfigJson scaling, string field, double? fallback = null) => scaling.Number(field, fallback) is var value && value > 0
        ? value
        : throw scaling.Error(field, $"is {value}, expected a number above 0");
}
