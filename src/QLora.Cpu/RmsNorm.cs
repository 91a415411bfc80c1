using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void RmsNormCore(Tensor x, Tensor weight, Tensor y, float epsilon) =>
        Run(x.DType, x.Rows, 2 * x.Columns, new RmsNormKernel(Address(x), weight.Pointer<float>(), Address(y), x.Columns, epsilon));

    /// <inheritdoc/>
    protected override void RmsNormBackwardCore(Tensor x, Tensor weight, Tensor dy, Tensor? dx, Tensor? dWeight, float epsilon, bool accumulate)
    {
        var input = Address(x);
        var gradient = Address(dy);
        var size = x.Columns;
        if (dWeight is { } parameter)
        {
            // Before dx, which may lie over dy.
            using var buffer = AllocateBuffer(RmsNormFactorBytes(x.Rows));
            var factors = Address(buffer);
            Run(x.DType, x.Rows, size, new RmsNormFactorsKernel(input, factors, size, epsilon));
            Run(x.DType, ColumnBlocks(size), 2L * x.Rows * ColumnBlock,
                new RmsNormWeightKernel(input, gradient, factors, parameter.Pointer<float>(), x.Rows, size));
        }

        if (dx is { } result)
        {
            Run(x.DType, x.Rows, 4 * size,
                new RmsNormBackwardKernel(input, weight.Pointer<float>(), gradient, Address(result), size, epsilon, accumulate));
        }
    }

    private static long RmsNormFactorBytes(int rows) => (long)rows * sizeof(float);

    /// <summary>1 / sqrt(mean(x²) + epsilon).</summary>
    private static float InverseRootMeanSquare<V, TFormat>(byte* x, int size, float epsilon) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat =>
        1 / MathF.Sqrt(VectorMath.Dot<V, TFormat>(x, x, size) / size + epsilon);

    private readonly struct RmsNormKernel(byte* x, float* weight, byte* y, int size, float epsilon) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var t = start; t < end; t++)
            {
                var row = (nint)t * size;
                var factor = InverseRootMeanSquare<V, TFormat>(x + row * TFormat.Size, size, epsilon);
                var i = 0;
                for (; i <= size - V.Count; i += V.Count) At<V, TFormat>(row, i, factor);
                for (; i < size; i++) At<Float1, TFormat>(row, i, factor);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void At<V, TFormat>(nint row, int i, float factor) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat =>
            TFormat.Store(y, row + i, TFormat.Load<V>(x, row + i) * V.Create(factor) * V.Load(weight + i));
    }

    private readonly struct RmsNormFactorsKernel(byte* x, float* factors, int size, float epsilon) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var t = start; t < end; t++) factors[t] = InverseRootMeanSquare<V, TFormat>(x + (nint)t * size * TFormat.Size, size, epsilon);
        }
    }

    /// <summary>Items are blocks of columns: each is summed over the rows in their order, whoever does it.</summary>
    private readonly struct RmsNormWeightKernel(byte* x, byte* dy, float* factors, float* dWeight, int rows, int size) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var i = start * ColumnBlock;
            var last = Math.Min(end * ColumnBlock, size);
            for (; i <= last - V.Count; i += V.Count) Column<V, TFormat>(i);
            for (; i < last; i++) Column<Float1, TFormat>(i);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Column<V, TFormat>(int i) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var sum = V.Create(0f);
            for (var t = 0; t < rows; t++)
            {
                var at = (nint)t * size + i;
                sum = V.FusedMultiplyAdd(TFormat.Load<V>(dy, at) * TFormat.Load<V>(x, at), V.Create(factors[t]), sum);
            }

            (V.Load(dWeight + i) + sum).Store(dWeight + i);
        }
    }

    private readonly struct RmsNormBackwardKernel(byte* x, float* weight, byte* dy, byte* dx, int size, float epsilon, bool accumulate)
        : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var t = start; t < end; t++)
            {
                var row = (nint)t * size;
                var factor = InverseRootMeanSquare<V, TFormat>(x + row * TFormat.Size, size, epsilon);
                var slope = factor * factor * (VectorMath.Dot<V, TFormat>(dy + row * TFormat.Size, weight, x + row * TFormat.Size, size) / size);
                var i = 0;
                for (; i <= size - V.Count; i += V.Count) At<V, TFormat>(row, i, factor, slope);
                for (; i < size; i++) At<Float1, TFormat>(row, i, factor, slope);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void At<V, TFormat>(nint row, int i, float factor, float slope) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var gradient = TFormat.Load<V>(dy, row + i) * V.Load(weight + i) - TFormat.Load<V>(x, row + i) * V.Create(slope);
            var result = gradient * V.Create(factor);
            if (accumulate) result += TFormat.Load<V>(dx, row + i);
            TFormat.Store(dx, row + i, result);
        }
    }
}
