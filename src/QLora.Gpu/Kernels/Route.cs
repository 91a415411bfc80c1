using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class RouteKernels
{
    /// <summary>A lane chooses for one token.</summary>
    public static void Route<T>(ArrayView<T> logits, ArrayView<int> experts, ArrayView<float> weights, int count, int k, int normalize) where T : unmanaged, IElement<T>
    {
        var token = Grid.GlobalIndex.X;
        if (token * k >= experts.IntLength) return;
        var row = token * count;
        var largest = Largest(logits, row, count);
        var sum = normalize != 0 ? 0 : SumOfExponentials(logits, row, count, largest);

        // The order of the choices: from one to the next, the largest of those that come after it.
        var last = float.PositiveInfinity;
        var lastExpert = -1;
        for (var j = 0; j < k; j++)
        {
            var best = float.NegativeInfinity;
            var bestExpert = -1;
            for (var e = 0; e < count; e++)
            {
                var logit = logits[row + e].Widen();
                var comesAfter = logit < last || (logit == last && e > lastExpert);
                if (!comesAfter || (bestExpert >= 0 && logit <= best)) continue;
                best = logit;
                bestExpert = e;
            }

            last = best;
            lastExpert = bestExpert < 0 ? j : bestExpert; // NaN comes after nothing; what is chosen then is no matter, but must be an expert
            experts[token * k + j] = lastExpert;
            weights[token * k + j] = DeviceMath.Exp(best - largest);
            if (normalize != 0) sum += weights[token * k + j];
        }

        for (var j = 0; j < k; j++) weights[token * k + j] /= sum;
    }

    /// <summary>A lane does one token.</summary>
    public static void RouteBackward<T>(ArrayView<T> logits, ArrayView<int> experts, ArrayView<float> dWeights, ArrayView<T> dLogits, int count, int k, int normalize)
        where T : unmanaged, IElement<T>
    {
        var token = Grid.GlobalIndex.X;
        if (token * k >= experts.IntLength) return;
        var row = token * count;
        var largest = Largest(logits, row, count);
        var all = SumOfExponentials(logits, row, count, largest);
        var chosen = 0f;
        var dot = 0f;
        for (var j = 0; j < k; j++)
        {
            var exponential = DeviceMath.Exp(logits[row + experts[token * k + j]].Widen() - largest);
            chosen += exponential;
            dot += exponential * dWeights[token * k + j];
        }

        var sum = normalize != 0 ? chosen : all;
        var s = dot / sum;
        for (var e = 0; e < count; e++)
        {
            dLogits[row + e] = T.Round(normalize != 0 ? 0 : -DeviceMath.Exp(logits[row + e].Widen() - largest) / sum * s);
        }

        for (var j = 0; j < k; j++)
        {
            var expert = row + experts[token * k + j];
            dLogits[expert] = T.Round(DeviceMath.Exp(logits[expert].Widen() - largest) / sum * (dWeights[token * k + j] - s));
        }
    }

    private static float Largest<T>(ArrayView<T> logits, int row, int count) where T : unmanaged, IElement<T>
    {
        var largest = float.NegativeInfinity;
        for (var e = 0; e < count; e++) largest = logits[row + e].Widen() > largest ? logits[row + e].Widen() : largest;
        return largest;
    }

    private static float SumOfExponentials<T>(ArrayView<T> logits, int row, int count, float largest) where T : unmanaged, IElement<T>
    {
        var sum = 0f;
        for (var e = 0; e < count; e++) sum += DeviceMath.Exp(logits[row + e].Widen() - largest);
        return sum;
    }
}
