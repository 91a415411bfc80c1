using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void CrossEntropyCore(Tensor logits, Tensor labels, Tensor losses, float? gradientScale)
    {
        CheckIndices(nameof(CrossEntropy), nameof(labels), labels, logits.Columns);
        Run(logits.Rows, 4L * logits.Columns, new CrossEntropyKernel(
            logits.Pointer<float>(), labels.Pointer<int>(), losses.Pointer<float>(), logits.Columns, gradientScale.HasValue, gradientScale.GetValueOrDefault()));
    }

    private readonly struct CrossEntropyKernel(float* logits, int* labels, float* losses, int vocabulary, bool wantsGradient, float gradientScale) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            for (var t = start; t < end; t++) losses[t] = Row<V>(logits + (nint)t * vocabulary, labels[t]);
        }

        [MethodImpl(Hot.Loop)]
        private float Row<V>(float* row, int label) where V : unmanaged, IVector<V>
        {
            var largest = VectorMath.Max<V>(row, vocabulary);

            // The label's probability is set aside: where the model is sure of it, the gradient p − 1 = −Σ of all others would otherwise be lost
            // in rounding.
            var logit = row[label];
            row[label] = float.NegativeInfinity;
            double others = wantsGradient ? VectorMath.ExpAndSum<V>(row, vocabulary, largest) : VectorMath.SumOfExp<V>(row, vocabulary, largest);
            row[label] = logit;
            var total = others + Math.Exp((double)logit - largest);

            if (wantsGradient)
            {
                VectorMath.Scale<V, SingleFormat, SingleFormat>((byte*)row, (byte*)row, vocabulary, (float)(gradientScale / total));
                row[label] = (float)(-gradientScale * (others / total));
            }

            return (float)((double)largest - logit + Math.Log(total));
        }
    }
}
