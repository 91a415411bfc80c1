using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void CombineExpertsCore(Tensor x, Tensor slots, Tensor weights, Tensor y)
    {
        CheckIndices(nameof(CombineExperts), nameof(slots), slots, checked((int)weights.Count));
        Run(ColumnBlocks(x.Columns), (long)x.Rows * ColumnBlock, new CombineExpertsKernel(
            x.Pointer<float>(), slots.Pointer<int>(), weights.Pointer<float>(), y.Pointer<float>(), x.Rows, x.Columns, weights.Columns));
    }

    /// <inheritdoc/>
    protected override void CombineExpertsBackwardCore(Tensor x, Tensor slots, Tensor weights, Tensor dy, Tensor dx, Tensor dWeights)
    {
        CheckIndices(nameof(CombineExpertsBackward), nameof(slots), slots, checked((int)weights.Count));
        Run(x.Rows, 2L * x.Columns, new CombineExpertsBackwardKernel(
            x.Pointer<float>(), slots.Pointer<int>(), weights.Pointer<float>(), dy.Pointer<float>(), dx.Pointer<float>(), dWeights.Pointer<float>(),
            x.Columns, weights.Columns));
    }

    /// <summary>Items are blocks of columns: each takes the rows in their order, so that the experts of a token add up the same way every time.</summary>
    private readonly struct CombineExpertsKernel(float* x, int* slots, float* weights, float* y, int rows, int size, int k) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            var (first, last) = (start * ColumnBlock, Math.Min(end * ColumnBlock, size));
            for (var i = 0; i < rows; i++)
            {
                var weight = weights[slots[i]];
                var input = x + (nint)i * size;
                var result = y + (nint)(slots[i] / k) * size;
                var c = first;
                for (; c <= last - V.Count; c += V.Count) V.FusedMultiplyAdd(V.Load(input + c), V.Create(weight), V.Load(result + c)).Store(result + c);
                for (; c < last; c++) result[c] = MathF.FusedMultiplyAdd(input[c], weight, result[c]);
            }
        }
    }

    private readonly struct CombineExpertsBackwardKernel(float* x, int* slots, float* weights, float* dy, float* dx, float* dWeights, int size, int k) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            for (var i = start; i < end; i++)
            {
                var slot = slots[i];
                var gradient = dy + (nint)(slot / k) * size;
                var result = dx + (nint)i * size;
                dWeights[slot] = VectorMath.Dot<V>(gradient, x + (nint)i * size, size);
                var c = 0;
                for (; c <= size - V.Count; c += V.Count) (V.Load(gradient + c) * V.Create(weights[slot])).Store(result + c);
                for (; c < size; c++) result[c] = gradient[c] * weights[slot];
            }
        }
    }
}
