using QLora.Adapters;
using QLora.Backends;
using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>
/// y = x·Wᵀ + b + scaling · (dropout(x)·Aᵀ)·Bᵀ, with the last term for the adapter in use (Hu et al., arXiv:2106.09685). W has a gradient only when it is trained
/// itself; a 4-bit W never has.
/// </summary>
internal sealed class LinearNode : Node
{
    private Linear _layer = null!;
    private Activation _x = null!;
    private DType? _dtype;
    private LoraBranch? _branch;
    private Tensor? _xa; // (tokens, r): scaling · dropout(x)·Aᵀ, as the adapter in Float32

    public override string Name => _layer.Path;

    private Shape OutputShape => new(_x.Shape.Rows, _layer.Spec.Out);

    private bool NeedsGradient => _x.NeedsGradient || _layer.IsTrainable;

    /// <param name="layer">W, b and the adapters.</param>
    /// <param name="x">(tokens, in).</param>
    /// <param name="dtype">The type of y; that of the pass when null.</param>
    public LinearNode Of(Linear layer, Activation x, DType? dtype = null)
    {
        (_layer, _x, _dtype, _branch) = (layer, x, dtype, layer.ActiveBranch);
        return this;
    }

    public override Activation Forward()
    {
        var y = NewOutput(OutputShape, NeedsGradient, _dtype);
        _layer.Weight.MatMul(Backend, _x.Value, y.Value, transpose: true, beta: 0, _branch is null ? null : new LowRankBranch(Xa(_branch), _branch.B.Value));
        if (_layer.Bias is { } bias) Backend.AddBias(bias.Value, y.Value);
        return y;
    }

    public override Activation Defer() => Context.NewDeferred(OutputShape, _dtype ?? Context.ComputeDType, NeedsGradient);

    public override void Backward()
    {
        var dy = OutputGradient;
        if (_layer.Bias?.Gradient is { } dBias) Backend.AddBiasBackward(dy, dBias);
        if (_layer.Weight.Parameter?.Gradient is { } dWeight) Backend.MatMul(dy, _x.Value, dWeight, transposeA: true, beta: 1);
        if (_branch is null) BackwardInput(dy, null);
        else BackwardBranch(_branch, dy);
    }

    public override void Release()
    {
        _xa?.Dispose();
        _xa = null;
    }

    /// <summary>scaling · dropout(x)·Aᵀ, computed when it is first needed: in the backward pass where the output was deferred.</summary>
    private Tensor Xa(LoraBranch branch)
    {
        if (_xa is { } made) return made;
        var xa = Backend.Allocate(new Shape(_x.Shape.Rows, branch.Rank));
        _xa = xa;
        using var input = DroppedInput(branch);
        Backend.MatMul(input.Tensor, branch.A.Value, xa, transposeB: true, alpha: branch.Scaling);
        return xa;
    }

    private void BackwardInput(Tensor dy, LowRankBranch? branch)
    {
        if (!_x.NeedsGradient) return;
        var dx = _x.GradientToWrite(out var accumulate);
        _layer.Weight.MatMul(Backend, dy, dx, transpose: false, beta: accumulate ? 1 : 0, branch);
    }

    private void BackwardBranch(LoraBranch branch, Tensor dy)
    {
        if (branch.B.Gradient is { } dB) Backend.MatMul(dy, Xa(branch), dB, transposeA: true, beta: 1);

        using var dxa = Backend.Allocate(new Shape(dy.Rows, branch.Rank));
        Backend.MatMul(dy, branch.B.Value, dxa, alpha: branch.Scaling);
        if (branch.A.Gradient is { } dA)
        {
            using var input = DroppedInput(branch);
            Backend.MatMul(dxa, input.Tensor, dA, transposeA: true, beta: 1);
        }

        var mask = Mask(branch);
        if (mask is { } dropout && _x.NeedsGradient) BackwardDropped(branch, dropout, dxa);
        BackwardInput(dy, mask is null ? new LowRankBranch(dxa, branch.A.Value) : null);
    }

    private void BackwardDropped(LoraBranch branch, DropoutSource mask, Tensor dxa)
    {
        using var dropped = Backend.Allocate(_x.Shape, _x.DType);
        Backend.MatMul(dxa, branch.A.Value, dropped);
        Backend.Dropout(dropped, _x.GradientToWrite(out var accumulate), branch.Dropout, mask.Seed, mask.Stream(branch.Site), accumulate);
    }

    /// <summary>dropout(x), made anew in the backward pass rather than kept; x itself when nothing is dropped.</summary>
    private BorrowedTensor DroppedInput(LoraBranch branch)
    {
        if (Mask(branch) is not { } mask) return new BorrowedTensor(_x.Value, owned: false);
        var dropped = Backend.Allocate(_x.Shape, _x.DType);
        Backend.Dropout(_x.Value, dropped, branch.Dropout, mask.Seed, mask.Stream(branch.Site));
        return new BorrowedTensor(dropped, owned: true);
    }

    private DropoutSource? Mask(LoraBranch branch) => branch.Dropout > 0 ? Context.Dropout : null;

    private readonly struct BorrowedTensor(Tensor tensor, bool owned) : IDisposable
    {
        public Tensor Tensor => tensor;

        public void Dispose()
        {
            if (owned) tensor.Dispose();
        }
    }
}
