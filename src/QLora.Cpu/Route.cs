using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void RouteCore(Tensor logits, Tensor experts, Tensor weights, bool normalize) => Run(
        logits.DType, logits.Rows, 8L * logits.Columns,
        new RouteKernel(Address(logits), experts.Pointer<int>(), weights.Pointer<float>(), logits.Columns, experts.Columns, normalize));

    /// <inheritdoc/>
    protected override void RouteBackwardCore(Tensor logits, Tensor experts, Tensor dWeights, Tensor dLogits, bool normalize)
    {
        CheckIndices(nameof(RouteBackward), nameof(experts), experts, logits.Columns);
        Run(logits.DType, logits.Rows, 8L * logits.Columns, new RouteBackwardKernel(
            Address(logits), experts.Pointer<int>(), dWeights.Pointer<float>(), Address(dLogits), logits.Columns, experts.Columns, normalize));
    }

    /// <summary>e^(logit − largest) / total.</summary>
    private static float Probability(float logit, float largest, float total) => Float1.Sum(VectorMath.Exp(Float1.Create(logit - largest))) / total;

    /// <summary>
    /// What the exponentials of the chosen experts are divided by: their sum if their weights sum to 1, for which nobody needs the sum of all, else that.
    /// </summary>
    private static float Total<V>(float* logits, int count, int* chosen, int k, float largest, bool normalize) where V : unmanaged, IVector<V>
    {
        if (!normalize) return VectorMath.SumOfExp<V>(logits, count, largest);
        var total = 0f;
        for (var j = 0; j < k; j++) total += Probability(logits[chosen[j]], largest, 1);
        return total;
    }

    private readonly struct RouteKernel(byte* logits, int* experts, float* weights, int count, int k, bool normalize) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var row = stackalloc float[count]; // in single precision: there are few experts
            for (var t = start; t < end; t++)
            {
                VectorMath.Scale<V, TFormat, SingleFormat>(logits + (nint)t * count * TFormat.Size, (byte*)row, count);
                var chosen = experts + (nint)t * k;
                Choose(row, chosen);
                var largest = row[chosen[0]];
                var total = Total<V>(row, count, chosen, k, largest, normalize);
                for (var j = 0; j < k; j++) weights[(nint)t * k + j] = Probability(row[chosen[j]], largest, total);
            }
        }

        /// <summary>Keeps the largest so far in order; one that is no larger than another comes after it.</summary>
        private void Choose(float* row, int* chosen)
        {
            for (var e = 0; e < count; e++)
            {
                var place = e;
                if (e >= k)
                {
                    place = k - 1;
                    if (!(row[e] > row[chosen[place]])) continue;
                }

                for (; place > 0 && row[e] > row[chosen[place - 1]]; place--) chosen[place] = chosen[place - 1];
                chosen[place] = e;
            }
        }
    }

    private readonly struct RouteBackwardKernel(byte* logits, int* experts, float* dWeights, byte* dLogits, int count, int k, bool normalize) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var row = stackalloc float[count];
            var result = stackalloc float[count];
            for (var t = start; t < end; t++)
            {
                var at = (nint)t * count * TFormat.Size;
                VectorMath.Scale<V, TFormat, SingleFormat>(logits + at, (byte*)row, count);
                Row<V>(row, experts + (nint)t * k, dWeights + (nint)t * k, result);
                VectorMath.Scale<V, SingleFormat, TFormat>((byte*)result, dLogits + at, count);
            }
        }

        private void Row<V>(float* row, int* chosen, float* gradient, float* result) where V : unmanaged, IVector<V>
        {
            var largest = row[chosen[0]];
            var total = Total<V>(row, count, chosen, k, largest, normalize);
            var sum = 0f;
            for (var j = 0; j < k; j++) sum += Probability(row[chosen[j]], largest, total) * gradient[j];

            if (normalize) new Span<float>(result, count).Clear();
            else Others<V>(row, result, largest, -sum / total);
            for (var j = 0; j < k; j++) result[chosen[j]] = Probability(row[chosen[j]], largest, total) * (gradient[j] - sum);
        }

        private void Others<V>(float* row, float* result, float largest, float factor) where V : unmanaged, IVector<V>
        {
            var e = 0;
            for (; e <= count - V.Count; e += V.Count) (VectorMath.Exp(V.Load(row + e) - V.Create(largest)) * V.Create(factor)).Store(result + e);
            for (; e < count; e++) result[e] = Probability(row[e], largest, 1) * factor;
        }
    }
}
