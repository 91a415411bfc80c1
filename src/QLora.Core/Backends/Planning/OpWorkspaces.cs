using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Backends.Planning;

/// <summary>
/// What the ops of a backend take from its pool for themselves, in bytes, in the order in which they take it. A backend whose ops take none needs none of this;
/// one whose ops do computes the sizes where the ops do, so that a plan cannot be of another mind.
/// </summary>
public class OpWorkspaces
{
    /// <summary>Those of a backend whose ops take nothing.</summary>
    public static OpWorkspaces None { get; } = new();

    /// <summary>Whether buffers lie in memory of the device's own, apart from the process's, in regions that come and go whole.</summary>
    public virtual bool OwnMemory => false;

    /// <summary>What the device's driver takes of its memory for itself, beside the pool.</summary>
    public virtual long DriverBytes => 0;

    /// <summary>What the first copy from the host takes, and the backend keeps from then on.</summary>
    public virtual long Uploads => 0;

    /// <summary>What the first product takes, and the backend keeps from then on.</summary>
    public virtual long Products => 0;

    /// <summary>What any product takes.</summary>
    /// <param name="rows">Of the result.</param>
    /// <param name="columns">Of the result.</param>
    /// <param name="inner">The extent that is summed over.</param>
    /// <param name="left">The element type of the left operand.</param>
    /// <param name="result">The element type of the result.</param>
    public virtual long[] Product(int rows, int columns, int inner, DType left, DType result) => [];

    /// <summary>What <see cref="Backend.MatMul4Bit"/> takes beside that.</summary>
    /// <param name="x">The activations.</param>
    /// <param name="w">The weight.</param>
    /// <param name="transposeW">Whether x multiplies its transpose.</param>
    public virtual long[] MatMul4Bit(Tensor x, QuantizedTensor w, bool transposeW) => [];

    /// <summary>What <see cref="Backend.Attention"/> takes.</summary>
    /// <param name="shape">The heads.</param>
    /// <param name="segments">The sequences.</param>
    /// <param name="options">Scale, window and cap of the scores.</param>
    public virtual long[] Attention(HeadShape shape, ReadOnlySpan<AttentionSegment> segments, AttentionOptions options) => [];

    /// <summary>What <see cref="Backend.AttentionBackward"/> takes.</summary>
    /// <param name="shape">The heads.</param>
    /// <param name="segments">The sequences.</param>
    /// <param name="options">Scale, window and cap of the scores.</param>
    public virtual long[] AttentionBackward(HeadShape shape, ReadOnlySpan<AttentionSegment> segments, AttentionOptions options) => [];

    /// <summary>What <see cref="Backend.RmsNormBackward"/> takes for the gradient of a weight.</summary>
    /// <param name="rows">Rows of the input.</param>
    public virtual long[] RmsNormBackward(int rows) => [];

    /// <summary>What <see cref="Backend.LayerNormBackward"/> takes for the gradient of a weight.</summary>
    /// <param name="rows">Rows of the input.</param>
    public virtual long[] LayerNormBackward(int rows) => [];

    /// <summary>What <see cref="Backend.SumOfSquares(Tensor, Tensor)"/> takes.</summary>
    /// <param name="count">Elements of the input.</param>
    public virtual long[] SumOfSquares(long count) => [];

    /// <summary>What <see cref="Backend.Quantize"/> takes beside the result.</summary>
    /// <param name="count">Elements of the weight.</param>
    /// <param name="blockSize">Elements that share a scale.</param>
    public virtual long[] Quantize(long count, int blockSize) => [];
}

/// <summary>The heads of an attention op.</summary>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyHeads">Key and value heads.</param>
/// <param name="HeadSize">Elements of one head.</param>
public readonly record struct HeadShape(int Heads, int KeyHeads, int HeadSize);
