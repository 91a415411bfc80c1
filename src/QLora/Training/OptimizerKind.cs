namespace QLora.Training;

/// <summary>What updates the weights, and where its moments lie: named after bitsandbytes and Hugging Face's Trainer.</summary>
public enum OptimizerKind
{
    /// <summary>AdamW with moments in Float32: 8 bytes for each trained number.</summary>
    AdamW,

    /// <summary>AdamW with moments in 8 bits, of which 256 share a scale, but for small tensors: some 2 bytes for each trained number.</summary>
    AdamW8Bit,

    /// <summary>The same numbers as <see cref="AdamW"/>. While a GPU is trained on, the moments lie in page-locked memory of the host and go through the GPU's in pieces.
    /// All of them: bitsandbytes leaves those of fewer than 100,000 numbers on the GPU.</summary>
    PagedAdamW,

    /// <summary>The same numbers as <see cref="AdamW8Bit"/>, with moments where those of <see cref="PagedAdamW"/> are.</summary>
    PagedAdamW8Bit,
}

/// <summary>Facts about optimizers.</summary>
public static class OptimizerKinds
{
    /// <summary>The name on the command line.</summary>
    public static string Name(this OptimizerKind kind) => kind switch
    {
        OptimizerKind.AdamW => "adamw",
        OptimizerKind.AdamW8Bit => "adamw8bit",
        OptimizerKind.PagedAdamW => "paged_adamw",
        OptimizerKind.PagedAdamW8Bit => "paged_adamw8bit",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "unknown optimizer"),
    };

    /// <summary>Whether its moments are of 8 bits.</summary>
    public static bool Is8Bit(this OptimizerKind kind) => kind is OptimizerKind.AdamW8Bit or OptimizerKind.PagedAdamW8Bit;

    /// <summary>The one with the same numbers whose moments lie where the parameters do.</summary>
    public static OptimizerKind Unpaged(this OptimizerKind kind) => kind.Is8Bit() ? OptimizerKind.AdamW8Bit : OptimizerKind.AdamW;

    /// <summary>Whether its moments lie in the host's memory, where there is another.</summary>
    public static bool IsPaged(this OptimizerKind kind) => kind is OptimizerKind.PagedAdamW or OptimizerKind.PagedAdamW8Bit;
}
