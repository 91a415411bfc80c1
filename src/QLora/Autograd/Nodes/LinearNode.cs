using QLora.Adapters;
using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>
/// y = x·Wᵀ + b + scaling · (dropout(x)·Aᵀ)·Bᵀ, with the last term for the adapter in use (Hu et al., arXiv:2106.09685). W has a gradient only when it is trained
/// itself; a 4-bit W never has.
/// </summary>
internal sealed class LinearNode(ForwardContext context, Linear layer, Activation x) : Node(context)
{
    private readonly LoraBranch? _branch = layer.ActiveBranch;
    private Tensor? _xa; // (tokens, r): dropout(x)·Aᵀ

    public override string Name => layer.Path;

    public override Activation Forward()
    {
        var y = NewOutput(new Shape(x.Shape.Rows, layer.Spec.Out), x.NeedsGradient || layer.IsTrainable);
        layer.Weight.MatMul(Backend, x.Value, y.Value, transpose: true, beta: 0);
        if (layer.Bias is { } bias) Backend.AddBias(bias.Value, y.Value);
        if (_branch is not null) ForwardBranch(_branch, y.Value);
        return y;
    }

    public override void Backward()
    {
        var dy = OutputGradient;
        if (layer.Bias?.Gradient is { } dBias) Backend.AddBiasBackward(dy, dBias);
        if (layer.Weight.Parameter?.Gradient is { } dWeight) Backend.MatMul(dy, x.Value, dWeight, transposeA: true, beta: 1);

        if (x.NeedsGradient)
        {
            var dx = x.GradientToWrite(out var accumulate);
            layer.Weight.MatMul(Backend, dy, dx, transpose: false, beta: accumulate ? 1 : 0);
        }

        if (_branch is not null) BackwardBranch(_branch, dy);
    }

    public override void Release()
    {
        _xa?.Dispose();
        _xa = null;
    }

    private void ForwardBranch(LoraBranch branch, Tensor y)
    {
        _xa = Backend.Allocate(new Shape(x.Shape.Rows, branch.Rank));
        using (var input = DroppedInput(branch))
        {
            Backend.MatMul(input.Tensor, branch.A.Value, _xa.Value, transposeB: true);
        }

        Backend.MatMul(_xa.Value, branch.B.Value, y, transposeB: true, alpha: branch.Scaling, beta: 1);
    }

    private void BackwardBranch(LoraBranch branch, Tensor dy)
    {
        if (branch.B.Gradient is { } dB) Backend.MatMul(dy, _xa!.Value, dB, transposeA: true, alpha: branch.Scaling, beta: 1);

        var dxa = Backend.Allocate(_xa!.Value.Shape);
        Backend.MatMul(dy, branch.B.Value, dxa, alpha: branch.Scaling);
        if (branch.A.Gradient is { } dA)
        {
            using var input = DroppedInput(branch);
            Backend.MatMul(dxa, input.Tensor, dA, transposeA: true, beta: 1);
        }

        if (x.NeedsGradient) BackwardBranchInput(branch, dxa);
        dxa.Dispose();
    }

    private void BackwardBranchInput(LoraBranch branch, Tensor dxa)
    {
        var dx = x.GradientToWrite(out _);
        if (Mask(branch) is not { } mask)
        {
            Backend.MatMul(dxa, branch.A.Value, dx, beta: 1);
            return;
        }

        var dropped = Backend.Allocate(x.Shape);
        Backend.MatMul(dxa, branch.A.Value, dropped);
        Backend.Dropout(dropped, dx, branch.Dropout, mask.Seed, mask.Stream(branch.Site), accumulate: true);
        dropped.Dispose();
    }

    /// <summary>dropout(x), made anew in the backward pass rather than kept; x itself when nothing is dropped.</summary>
    private BorrowedTensor DroppedInput(LoraBranch branch)
    {
        if (Mask(branch) is not { } mask) return new BorrowedTensor(x.Value, owned: false);
        var dropped = Backend.Allocate(x.Shape);
        Backend.Dropout(x.Value, dropped, branch.Dropout, mask.Seed, mask.Stream(branch.Site));
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
