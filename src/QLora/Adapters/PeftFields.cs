using System.Text.Json.Nodes;
using QLora.Models;

namespace QLora.Adapters;

/// <summary>The fields of <c>adapter_config.json</c>: those this engine writes, and those that change what an adapter computes and are not supported.</summary>
internal static class PeftFields
{
    /// <summary>Switches that must be off, lists and maps that must be empty: an adapter with one of them computes something else.</summary>
    private static readonly string[] Unsupported =
    [
        "use_dora", "lora_bias", "use_qalora", "rank_pattern", "alpha_pattern", "modules_to_save", "layers_to_transform", "exclude_modules",
        "trainable_token_indices", "target_parameters", "layer_replication", "alora_invocation_tokens", "arrow_config", "use_bdlora",
    ];

    /// <summary>The named ways to begin that leave the base's weights as they are.</summary>
    private static readonly string[] KeepsBase = ["gaussian", "eva"];

    /// <summary>Refuses an adapter that would silently compute something else.</summary>
    public static void RefuseUnsupported(ConfigJson json)
    {
        foreach (var field in Unsupported)
        {
            if (!json.IsOff(field)) throw json.Error(field, "is set, which is not supported");
        }

        var bias = json.String("bias", "none");
        if (bias != "none") throw json.Error("bias", $"'{bias}' is not supported; expected none");
        if (json.Text("init_lora_weights") is { } start && !KeepsBase.Contains(start))
        {
            throw json.Error("init_lora_weights", $"'{start}' changed the base's weights, which is not supported; expected an adapter that PEFT converted to plain LoRA");
        }
    }

    /// <summary><c>target_modules</c>: a list of names, <c>all-linear</c>, or an expression.</summary>
    public static TargetModules ReadTargets(ConfigJson json)
    {
        if (json.Strings("target_modules") is { } names) return TargetModules.Names(names);
        var text = json.String("target_modules");
        return text == "all-linear" ? TargetModules.AllLinear : TargetModules.Regex(text);
    }

    /// <summary>Every field that PEFT of any recent version needs, and none that an older one would refuse.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="baseModel">What <c>base_model_name_or_path</c> shall say.</param>
    /// <param name="fanInFanOut">Whether the base's matrices are stored as (in, out), as GPT-2's are. It changes nothing in the adapter, and PEFT mends it with a warning when it is wrong.</param>
    public static JsonObject Write(LoraConfig config, string? baseModel, bool fanInFanOut) => new()
    {
        ["alpha_pattern"] = new JsonObject(),
        ["auto_mapping"] = null,
        ["base_model_name_or_path"] = baseModel,
        ["bias"] = "none",
        ["fan_in_fan_out"] = fanInFanOut,
        ["inference_mode"] = true,
        ["init_lora_weights"] = true,
        ["layers_pattern"] = null,
        ["layers_to_transform"] = null,
        ["lora_alpha"] = config.Alpha == MathF.Floor(config.Alpha) ? (int)config.Alpha : config.Alpha,
        ["lora_dropout"] = config.Dropout,
        ["modules_to_save"] = null,
        ["peft_type"] = "LORA",
        ["r"] = config.Rank,
        ["rank_pattern"] = new JsonObject(),
        ["revision"] = null,
        ["target_modules"] = config.TargetModules.NameList is { } names
            ? new JsonArray([.. names.Select(name => (JsonNode)name)])
            : config.TargetModules.Pattern ?? "all-linear",
        ["task_type"] = "CAUSAL_LM",
        ["use_dora"] = false,
        ["use_rslora"] = config.UseRsLora,
    };
}
