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
        Run(x.DType, ColumnBlocks(x.Columns), (long)x.Rows * ColumnBlock, new CombineExpertsKernel(
            Address(x), slots.Pointer<int>(), weights.Pointer<float>(), Address(y), x.Rows, x.Columns, weights.Columns));
    }

    /// <inheritdoc/>
    protected override void CombineExpertsBackwardCore(Tensor x, Tensor slots, Tensor weights, Tensor dy, Tensor dx, Tensor dWeights)
    {
        CheckIndices(nameof(CombineExpertsBackward), nameof(slots), slots, checked((int)weights.Count));
        Run(x.DType, x.Rows, 2L * x.Columns, new CombineExpertsBackwardKernel(
            Address(x), slots.Pointer<int>(), weights.Pointer<float>(), Address(dy), Address(dx), dWeights.Pointer<float>(),
            x.Columns, weights.Columns));
    }

    /// <summary>Items are blocks of columns: each takes the rows in their order, so that the experts of a token add up the same way every time.</summary>
    private readonly struct CombineExpertsKernel(byte* x, int* slots, float* weights, byte* y, int rows, int size, int k) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var (first, last) = (start * ColumnBlock, Math.Min(end * ColumnBlock, size));
            for (var i = 0; i < rows; i++)
            {
                var weight = weights[slots[i]];
                var input = (nint)i * size;
                var result = (nint)(slots[i] / k) * size;
                var c = first;
                for (; c <= last - V.Count; c += V.Count) Add<V, TFormat>(input + c, weight, result + c);
                for (; c < last; c++) Add<Float1, TFormat>(input + c, weight, result + c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Add<V, TFormat>(nint input, float weight, nint result) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat =>
            TFormat.Store(y, result, V.FusedMultiplyAdd(TFormat.Load<V>(x, input), V.Create(weight), TFormat.Load<V>(y, result)));
    }

    private readonly struct CombineExpertsBackwardKernel(byte* x, int* slots, float* weights, byte* dy, byte* dx, float* dWeights, int size, int k) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var i = start; i < end; i++)
            {
                var slot = slots[i];
                var gradient = (nint)(slot / k) * size;
                var result = (nint)i * size;
                dWeights[slot] = VectorMath.Dot<V, TFormat>(dy + gradient * TFormat.Size, x + result * TFormat.Size, size);
                var c = 0;
                for (; c <= size - V.Count; c += V.Count) Scale<V, TFormat>(gradient + c, weights[slot], result + c);
                for (; c < size; c++) Scale<Float1, TFormat>(gradient + c, weights[slot], result + c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Scale<V, TFormat>(nint gradient, float weight, nint result) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat =>
            TFormat.Store(dx, result, TFormat.Load<V>(dy, gradient) * V.Create(weight));
    }
}
