using QLora.Cpu;
using QLora.Tensors;

namespace QLora.Cli.Benching;

/// <summary>What a benchmark came to. Speeds are medians over the repetitions.</summary>
/// <param name="TrainTokensPerSecond">Optimizer steps: forward, backward, update.</param>
/// <param name="PromptTokensPerSecond">A prompt read, up to the first new token.</param>
/// <param name="GenerateTokensPerSecond">New tokens after that, one at a time.</param>
/// <param name="LoadSeconds">From opening the files to a model that can be used.</param>
/// <param name="PeakMemoryBytes">The highest resident memory of the process, from its start to the end of training.</param>
/// <param name="FlopLimit">10⁹ operations a second in the type of activations, measured beside training.</param>
/// <param name="BandwidthLimit">10⁹ bytes a second from memory, measured beside generation.</param>
/// <param name="MatrixWeights">Weights that each token is multiplied with, the output head among them.</param>
/// <param name="ComputeDType">The type of activations.</param>
/// <param name="BytesPerToken">Bytes of weights and adapter that each generated token reads.</param>
internal sealed record BenchResult(
    double TrainTokensPerSecond, double PromptTokensPerSecond, double GenerateTokensPerSecond, double LoadSeconds, long PeakMemoryBytes,
    Limit FlopLimit, Limit BandwidthLimit, long MatrixWeights, DType ComputeDType, long BytesPerToken)
{
    /// <summary>
    /// The share of the machine's FLOP limit that training reaches: four operations a weight and token, two forward and two backward to the inputs, since the base has no
    /// gradients. What recomputation adds is not counted.
    /// </summary>
    public double FlopShare => 4.0 * MatrixWeights * TrainTokensPerSecond / (FlopLimit.Sustained * 1e9);

    /// <summary>The share of the machine's memory bandwidth that generation reaches.</summary>
    public double BandwidthShare => BytesPerToken * GenerateTokensPerSecond / (BandwidthLimit.Sustained * 1e9);
}
