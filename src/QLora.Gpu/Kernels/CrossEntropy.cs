using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class CrossEntropyKernels
{
    /// <summary>A group does one row: its loss, and where asked its gradient in place of the logits.</summary>
    public static void CrossEntropy(ArrayView<float> logits, ArrayView<int> labels, ArrayView<float> losses, int vocabulary, int withGradient, float gradientScale)
    {
        var row = Grid.IdxX * vocabulary;
        var label = labels[Grid.IdxX];

        // Relative to the largest logit no exponential overflows, and at least one of them is 1.
        var part = float.NegativeInfinity;
        for (var j = Group.IdxX; j < vocabulary; j += Group.DimX) part = logits[row + j] > part ? logits[row + j] : part;
        var largest = Reduction.Max(part);
        var sum = 0f;
        for (var j = Group.IdxX; j < vocabulary; j += Group.DimX) sum += DeviceMath.Exp(logits[row + j] - largest);
        sum = Reduction.Sum(sum);

        if (Group.IdxX == 0) losses[Grid.IdxX] = DeviceMath.Log(sum) + largest - logits[row + label];
        Group.Barrier(); // the label's logit is read before it is overwritten
        if (withGradient == 0) return;
        for (var j = Group.IdxX; j < vocabulary; j += Group.DimX)
        {
            var probability = DeviceMath.Exp(logits[row + j] - largest) / sum;
            logits[row + j] = gradientScale * (j == label ? probability - 1 : probability);
        }
    }
}
