namespace QLora.Data;

/// <summary>How rows become training examples.</summary>
public sealed record DatasetOptions
{
    /// <summary>
    /// Which tokens are supervised; null means what suits the row: the assistant in conversations, the completion after a prompt, all of a text.
    /// Tokenised rows bring their own labels.
    /// </summary>
    public LossOn? LossOn { get; init; }

    /// <summary>Tokens that an example may have, at least 2; of a longer one the front is kept.</summary>
    public int MaxLength { get; init; } = 1024;
}
