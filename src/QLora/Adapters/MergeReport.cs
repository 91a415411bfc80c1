namespace QLora.Adapters;

/// <summary>What merging did to a model's weights.</summary>
/// <param name="MergedLayers">How many matrices the adapter changed.</param>
/// <param name="UpdateShare">The Euclidean norm of the adapter's changes over that of the matrices that it changed; 0 without an adapter.</param>
/// <param name="RoundingShare">
/// The norm of what the written precision lost over that of all weights: 0 for Float32. Where it is not small beside <see cref="UpdateShare"/>, the merged model drifts from the
/// model with the adapter.
/// </param>
public sealed record MergeReport(int MergedLayers, double UpdateShare, double RoundingShare);
