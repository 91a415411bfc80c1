using QLora.Checkpoints;

namespace QLora.Models;

/// <summary>
/// Compares what a model needs with what a checkpoint holds, before a weight is read: every tensor there, in its shape, in a format that can be read where it is needed, and no other.
/// </summary>
internal static class CheckpointCheck
{
    private static readonly string[] ComputedTables = [".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias"];

    /// <summary>Refuses a checkpoint that does not fit.</summary>
    /// <param name="source">The checkpoint.</param>
    /// <param name="modules">What the model consists of.</param>
    /// <exception cref="QLoraException">A tensor is missing, misshapen, in a format that cannot be read, or extra; the message names it.</exception>
    public static void Fits(WeightSource source, IReadOnlyList<ModuleSpec> modules)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (var module in modules)
        {
            foreach (var weight in module.Weights) known.Add(Find(source, module, weight).Name);
            if (module is not LinearSpec { TiedTo: not null }) continue;

            // Some checkpoints store a tied head a second time; it is the embedding all the same.
            known.Add($"{module.Path}.weight");
            known.Add($"{module.GgufPath}.weight");
        }

        var extra = source.Weights.Keys.Where(name => !known.Contains(name) && !IsComputed(name)).Order(StringComparer.Ordinal).ToList();
        if (extra.Count == 0) return;
        throw new QLoraException($"{source.Path}: {extra.Count} tensor{(extra.Count == 1 ? "" : "s")} that the model does not have: "
            + $"{string.Join(", ", extra.Take(5).Select(name => $"{name} {source.Weights[name].Shape}"))}{(extra.Count > 5 ? ", …" : "")}");
    }

    private static WeightInfo Find(WeightSource source, ModuleSpec module, WeightSpec weight)
    {
        var name = weight.NameIn(source.Naming) ?? throw new QLoraException($"{source.Path}: {weight.Name} has no name in GGUF files");
        if (!source.Weights.TryGetValue(name, out var info)) throw new QLoraException($"{source.Path}: tensor {name} {weight.ShapeIn(source.Naming)} is missing");
        var expected = info.IsQuantized ? weight.Shape : weight.ShapeIn(source.Naming); // 4-bit weights are always as the engine holds them
        if (info.Shape != expected) throw new QLoraException($"{source.Path}: tensor {name} has shape {info.Shape}, expected {expected} from the config");
        if (!info.IsQuantized) source.Read(name, 0, []); // reads nothing, but refuses what it could not read
        else if (module is not LinearSpec || weight.Shape.Rank != 2) throw new QLoraException($"{source.Path}: {name} is in 4 bits, which only the weights of linear layers can be");
        return info;
    }

    /// <summary>Tensors that published checkpoints carry and no model of the family reads: tables that are computed instead.</summary>
    private static bool IsComputed(string name) => name == "rope_freqs.weight" || ComputedTables.Any(table => name.EndsWith(table, StringComparison.Ordinal));
}
