namespace QLora.Data;

/// <summary>One example as the model is trained on it.</summary>
/// <param name="InputIds">The token ids.</param>
/// <param name="Labels">For each token its own id where it is supervised and <see cref="IgnoredLabel"/> elsewhere; not shifted, as in Hugging Face: the loss compares the logits at i with the label at i + 1.</param>
public sealed record TrainingExample(int[] InputIds, int[] Labels)
{
    /// <summary>The label of tokens that the loss ignores.</summary>
    public const int IgnoredLabel = -100;

    /// <summary>How many labels count. The first never does: nothing predicts it.</summary>
    public int SupervisedTokens => Labels.Skip(1).Count(label => label != IgnoredLabel);
}
