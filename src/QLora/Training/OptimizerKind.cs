namespace QLora.Training;

/// <summary>What updates the weights, by the names of bitsandbytes and Hugging Face's Trainer.</summary>
public enum OptimizerKind
{
    /// <summary>AdamW with moments in Float32: 8 bytes for each trained number.</summary>
    AdamW,

    /// <summary>AdamW with moments in 8 bits, of which 256 share a scale, but for small tensors: some 2 bytes for each trained number.</summary>
    AdamW8Bit,
}

/// <summary>Facts about optimizers.</summary>
public static class OptimizerKinds
{
    /// <summary>The name on the command line.</summary>
    public static string Name(this OptimizerKind kind) => kind switch
    {
        OptimizerKind.AdamW => "adamw",
        OptimizerKind.AdamW8Bit => "adamw8bit",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "unknown optimizer"),
    };

    /// <summary>Whether its moments are of 8 bits.</summary>
    public static bool Is8Bit(this OptimizerKind kind) => kind == OptimizerKind.AdamW8Bit;
}
