using QLora.Models;

namespace QLora.Data;

/// <summary>One example as the model is trained on it.</summary>
/// <param name="InputIds">The token ids.</param>
/// <param name="Labels">
/// For each token its own id where it is supervised and <see cref="TokenBatch.Ignored"/> elsewhere; not shifted, as in Hugging Face: label i counts for the prediction made at token i − 1.
/// </param>
public sealed record TrainingExample(int[] InputIds, int[] Labels)
{
    /// <summary>How many labels count. The first never does: nothing predicts it.</summary>
    public int SupervisedTokens => Labels.Skip(1).Count(label => label != TokenBatch.Ignored);
}
