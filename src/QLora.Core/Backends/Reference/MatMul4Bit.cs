using QLora.Backends.Planning;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    public override OpWorkspaces Workspaces { get; } = new ReferenceWorkspaces();

    /// <inheritdoc/>
    protected override void MatMul4BitCore(Tensor x, QuantizedTensor w, Tensor y, bool transposeW, float beta, LowRankBranch? branch)
    {
        var weight = Allocate(w.Shape);
        DequantizeCore(w, weight);
        if (branch is { } added) MatMulCore(added.U, added.V, y, transposeA: false, transposeB: transposeW, alpha: 1, beta);
        MatMulCore(x, weight, y, transposeA: false, transposeB: transposeW, alpha: 1, branch is null ? beta : 1);
        weight.Dispose();
    }

    private sealed class ReferenceWorkspaces : OpWorkspaces
    {
        public override long[] MatMul4Bit(Tensor x, QuantizedTensor w, bool transposeW) => [w.Shape.Count * sizeof(float)];
    }
}
