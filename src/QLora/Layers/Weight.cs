using QLora.Autograd;
using QLora.Backends;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Layers;

/// <summary>The matrix of a linear layer, (out, in): dense or in 4 bits.</summary>
public abstract class Weight : IDisposable
{
    /// <summary>Its bytes in memory.</summary>
    public abstract long Bytes { get; }

    /// <summary>The dense values; null when it is in 4 bits.</summary>
    public abstract Parameter? Parameter { get; }

    /// <summary>y ← x·Wᵀ + beta·y when <paramref name="transpose"/>, else x·W + beta·y; with a branch, + u·Vᵀ or + u·V besides.</summary>
    public abstract void MatMul(Backend backend, Tensor x, Tensor y, bool transpose, float beta, LowRankBranch? branch = null);

    /// <summary>The weight in full precision, (out, in) Float32, for merging. The caller gives it back.</summary>
    public abstract Tensor ToFloat32(Backend backend, Shape shape);

    /// <summary>Gives the memory back.</summary>
    public abstract void Dispose();
}

/// <summary>A weight in full or half precision, or in the 8 bits that it was published in.</summary>
/// <param name="parameter">Its values.</param>
/// <param name="owned">Whether it is this weight's own; a tied one is the embedding's.</param>
public sealed class DenseWeight(Parameter parameter, bool owned = true) : Weight
{
    /// <inheritdoc/>
    public override long Bytes => owned ? parameter.Value.Bytes : 0;

    /// <inheritdoc/>
    public override Parameter Parameter => parameter;

    /// <summary>Whether it is this weight's own; a tied one is the embedding's.</summary>
    public bool IsOwned => owned;

    /// <inheritdoc/>
    public override void MatMul(Backend backend, Tensor x, Tensor y, bool transpose, float beta, LowRankBranch? branch = null)
    {
        // The branch first: added to a result that BFloat16 has rounded already, what is less than half a unit in its last place would vanish without trace.
        if (branch is { } added) backend.MatMul(added.U, added.V, y, transposeB: transpose, beta: beta);
        backend.MatMul(x, parameter.Value, y, transposeB: transpose, beta: branch is null ? beta : 1);
    }

    /// <inheritdoc/>
    public override Tensor ToFloat32(Backend backend, Shape shape) => backend.ToFloat32(parameter.Value);

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (owned) parameter.Dispose();
    }
}

/// <summary>A frozen weight in 4 bits.</summary>
/// <param name="tensor">Codes and scales.</param>
public sealed class QuantizedWeight(QuantizedTensor tensor) : Weight
{
    /// <summary>Codes and scales.</summary>
    public QuantizedTensor Tensor => tensor;

    /// <inheritdoc/>
    public override long Bytes => tensor.Bytes;

    /// <inheritdoc/>
    public override Parameter? Parameter => null;

    /// <inheritdoc/>
    public override void MatMul(Backend backend, Tensor x, Tensor y, bool transpose, float beta, LowRankBranch? branch = null)
        => backend.MatMul4Bit(x, tensor, y, transpose, beta, branch);

    /// <inheritdoc/>
    public override Tensor ToFloat32(Backend backend, Shape shape)
    {
        var values = backend.Allocate(shape);
        backend.Dequantize(tensor, values);
        return values;
    }

    /// <inheritdoc/>
    public override void Dispose() => tensor.Dispose();
}
