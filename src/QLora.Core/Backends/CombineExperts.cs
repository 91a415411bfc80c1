using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// Adds what one expert made of its tokens to the sum over each token's experts. Slot s = token · k + j is the j-th choice of a token; with
    /// s = slots[i]: y[s / k] ← y[s / k] + weights[s] · x[i], in the order of i.
    /// </summary>
    /// <param name="x">(n, size) activations.</param>
    /// <param name="slots">(n) Int32, each at least 0 and below tokens · k, and there at most once.</param>
    /// <param name="weights">(tokens, k) Float32.</param>
    /// <param name="y">(tokens, size) activations, not overlapping x.</param>
    public void CombineExperts(Tensor x, Tensor slots, Tensor weights, Tensor y)
    {
        CheckCombination(nameof(CombineExperts), x, slots, weights, nameof(y), y);
        CombineExpertsCore(x, slots, weights, y);
    }

    /// <summary>The gradients of <see cref="CombineExperts"/>: dx[i] ← weights[s] · dy[s / k]; dWeights[s] ← dy[s / k] · x[i].</summary>
    /// <param name="x">(n, size) activations, the forward's input.</param>
    /// <param name="slots">(n) Int32, the forward's.</param>
    /// <param name="weights">(tokens, k) Float32, the forward's input.</param>
    /// <param name="dy">(tokens, size) activations.</param>
    /// <param name="dx">(n, size) activations, overwritten; not overlapping dy.</param>
    /// <param name="dWeights">(tokens, k) Float32, overwritten at the slots; the others stay as they are.</param>
    public void CombineExpertsBackward(Tensor x, Tensor slots, Tensor weights, Tensor dy, Tensor dx, Tensor dWeights)
    {
        const string Op = nameof(CombineExpertsBackward);
        CheckCombination(Op, x, slots, weights, nameof(dy), dy);
        Check.SameAs(Op, nameof(dx), dx, x);
        Check.SameAs(Op, nameof(dWeights), dWeights, weights);
        CombineExpertsBackwardCore(x, slots, weights, dy, dx, dWeights);
    }

    private static void CheckCombination(string op, Tensor x, Tensor slots, Tensor weights, string name, Tensor y)
    {
        Check.ActivationMatrix(op, nameof(x), x);
        Check.Is(op, nameof(slots), slots, DType.Int32, x.Rows);
        Check.Matrix(op, nameof(weights), weights);
        Check.Is(op, name, y, x.DType, weights.Rows, x.Columns);
    }

    /// <summary>Backend part of <see cref="CombineExperts"/>; shapes are checked, slots are not.</summary>
    protected abstract void CombineExpertsCore(Tensor x, Tensor slots, Tensor weights, Tensor y);

    /// <summary>Backend part of <see cref="CombineExpertsBackward"/>; shapes are checked, slots are not.</summary>
    protected abstract void CombineExpertsBackwardCore(Tensor x, Tensor slots, Tensor weights, Tensor dy, Tensor dx, Tensor dWeights);
}
