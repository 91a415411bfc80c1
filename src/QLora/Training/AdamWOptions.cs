namespace QLora.Training;

/// <summary>The numbers of AdamW that do not change during a run, and how it keeps its moments.</summary>
/// <param name="Beta1">Decay of the first moment, in [0, 1).</param>
/// <param name="Beta2">Decay of the second moment, in [0, 1).</param>
/// <param name="Epsilon">Added to the root of the second moment.</param>
/// <param name="WeightDecay">Decoupled decay per unit of learning rate.</param>
/// <param name="Kind">In how many bits the moments are kept.</param>
/// <param name="Min8BitSize">Elements that a tensor must have for moments of 8 bits, as bitsandbytes' <c>min_8bit_size</c>; smaller ones keep theirs in Float32.</param>
public sealed record AdamWOptions(
    double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8, double WeightDecay = 0, OptimizerKind Kind = OptimizerKind.AdamW, int Min8BitSize = 4096);
