using QLora.Checkpoints.Gguf;
using QLora.Tensors;

namespace QLora.Models;

/// <summary>How a weight lies in a checkpoint where that differs from how the engine holds it: as Hugging Face's modules compute with it, (out, in).</summary>
public abstract record WeightTransform
{
    /// <summary>Its shape in the checkpoint.</summary>
    /// <param name="shape">Its shape in the engine.</param>
    public virtual Shape StoredShape(Shape shape) => shape;

    /// <summary>Where a row of the engine's lies in the checkpoint, in rows.</summary>
    internal virtual int StoredRow(int row, int rows) => row;
}

/// <summary>Rows of rotary heads in llama.cpp's interleaved order.</summary>
/// <param name="Heads">The heads among the rows.</param>
public sealed record InterleavedHeads(int Heads) : WeightTransform
{
    internal override int StoredRow(int row, int rows) => RotaryLayout.ToGguf(row, rows / Heads);
}

/// <summary>One slice of a tensor that holds the weights of all experts.</summary>
/// <param name="Index">Which expert's.</param>
/// <param name="Count">The number of experts.</param>
public sealed record ExpertSlice(int Index, int Count) : WeightTransform
{
    /// <inheritdoc/>
    public override Shape StoredShape(Shape shape) => shape.Rank == 1 ? new Shape(Count, shape[0]) : new Shape(Count, shape[0], shape[1]);

    internal override int StoredRow(int row, int rows) => Index * rows + row;
}

/// <summary>A matrix stored as (in, out).</summary>
public sealed record TransposedMatrix : WeightTransform
{
    /// <inheritdoc/>
    public override Shape StoredShape(Shape shape) => new(shape[1], shape[0]);
}

/// <summary>A norm's weight stored minus one.</summary>
public sealed record MinusOne : WeightTransform;
