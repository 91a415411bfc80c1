using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// destination[t, destinationStart + i] ← source[t, sourceStart + i] for every row t and i below <paramref name="count"/>: takes projections that a
    /// checkpoint holds as one apart, and puts them together.
    /// </summary>
    /// <param name="source">(tokens, columns) activations.</param>
    /// <param name="sourceStart">The first column to read.</param>
    /// <param name="destination">(tokens, columns) activations, not overlapping the source; its other columns stay as they are.</param>
    /// <param name="destinationStart">The first column to write.</param>
    /// <param name="count">How many columns.</param>
    public void CopyColumns(Tensor source, int sourceStart, Tensor destination, int destinationStart, int count)
    {
        const string Op = nameof(CopyColumns);
        Check.ActivationMatrix(Op, nameof(source), source);
        Check.ActivationMatrix(Op, nameof(destination), destination);
        Check.Is(Op, nameof(destination), destination, source.DType, source.Rows, destination.Columns);
        Check.That(count >= 0, Op, $"count {count} is below 0");
        Check.That(sourceStart >= 0 && sourceStart <= source.Columns - count, Op, $"sourceStart {sourceStart} and {count} columns leave source {source}");
        Check.That(destinationStart >= 0 && destinationStart <= destination.Columns - count, Op,
            $"destinationStart {destinationStart} and {count} columns leave destination {destination}");
        CopyColumnsCore(source, sourceStart, destination, destinationStart, count);
    }

    /// <summary>Backend part of <see cref="CopyColumns"/>; shapes are checked.</summary>
    protected abstract void CopyColumnsCore(Tensor source, int sourceStart, Tensor destination, int destinationStart, int count);
}
