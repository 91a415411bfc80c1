namespace QLora.Layers;

/// <summary>The heads of an attention.</summary>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyHeads">Key and value heads; <see cref="Heads"/> is a multiple.</param>
/// <param name="HeadSize">Elements of one head.</param>
public readonly record struct AttentionShape(int Heads, int KeyHeads, int HeadSize);
