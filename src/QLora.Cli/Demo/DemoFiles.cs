using QLora.Adapters;
using QLora.Autograd;
using QLora.Training;

namespace QLora.Cli.Demo;

/// <summary>What the demo brings along, beside the program, and how it trains.</summary>
internal static class DemoFiles
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Demo");

    /// <summary>The bundled model.</summary>
    public static string Model { get; } = Path.Combine(Folder, "Model");

    /// <summary>Commands to a smart home and what they mean.</summary>
    public static string TrainingData { get; } = Path.Combine(Folder, "Data", "train.jsonl");

    /// <summary>Other commands, which are never trained on.</summary>
    public static string EvaluationData { get; } = Path.Combine(Folder, "Data", "eval.jsonl");

    /// <summary>The adapter that is trained.</summary>
    public static LoraConfig Lora { get; } = new() { Rank = 16, Alpha = 32 };

    /// <summary>How it is trained.</summary>
    public static TrainingOptions Training { get; } = new() { BatchSize = 8, Epochs = 8, LearningRate = 3e-3, WarmupSteps = 20, GradientCheckpointing = GradientCheckpointing.None };
}
