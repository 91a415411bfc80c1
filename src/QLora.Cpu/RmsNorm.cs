using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void RmsNormCore(Tensor x, Tensor weight, Tensor y, float epsilon) =>
        Run(x.Rows, 2 * x.Columns, new RmsNormKernel(x.Pointer<float>(), weight.Pointer<float>(), y.Pointer<float>(), x.Columns, epsilon));

    /// <inheritdoc/>
    protected override void RmsNormBackwardCore(Tensor x, Tensor weight, Tensor dy, Tensor? dx, Tensor? dWeight, float epsilon, bool accumulate)
    {
        var input = x.Pointer<float>();
        var gradient = dy.Pointer<float>();
        var size = x.Columns;
        if (dWeight is { } parameter)
        {
            // Before dx, which may lie over dy.
            using var buffer = AllocateBuffer(RmsNormFactorBytes(x.Rows));
            var factors = Address(buffer);
            Run(x.Rows, size, new RmsNormFactorsKernel(input, factors, size, epsilon));
            Run(ColumnBlocks(size), 2L * x.Rows * ColumnBlock,
                new RmsNormWeightKernel(input, gradient, factors, parameter.Pointer<float>(), x.Rows, size));
        }

        if (dx is { } result)
        {
            Run(x.Rows, 4 * size, new RmsNormBackwardKernel(input, weight.Pointer<float>(), gradient, result.Pointer<float>(), size, epsilon, accumulate));
        }
    }

    private static long RmsNormFactorBytes(int rows) => (long)rows * sizeof(float);

    /// <summary>1 / sqrt(mean(x²) + epsilon).</summary>
    private static float InverseRootMeanSquare<V>(float* x, int size, float epsilon) where V : unmanaged, IVector<V> =>
        1 / MathF.Sqrt(VectorMath.Dot<V>(x, x, size) / size + epsilon);

    private readonly struct RmsNormKernel(float* x, float* weight, float* y, int size, float epsilon) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            for (var t = start; t < end; t++)
            {
                var input = x + (nint)t * size;
                var output = y + (nint)t * size;
                var factor = InverseRootMeanSquare<V>(input, size, epsilon);
                var i = 0;
                for (; i <= size - V.Count; i += V.Count) Scale<V>(input + i, weight + i, output + i, factor);
                for (; i < size; i++) Scale<Float1>(input + i, weight + i, output + i, factor);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Scale<V>(float* x, float* weight, float* y, float factor) where V : unmanaged, IVector<V> =>
            (V.Load(x) * V.Create(factor) * V.Load(weight)).Store(y);
    }

    private readonly struct RmsNormFactorsKernel(float* x, float* factors, int size, float epsilon) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            for (var t = start; t < end; t++) factors[t] = InverseRootMeanSquare<V>(x + (nint)t * size, size, epsilon);
        }
    }

    /// <summary>Items are blocks of columns: each is summed over the rows in their order, whoever does it.</summary>
    private readonly struct RmsNormWeightKernel(float* x, float* dy, float* factors, float* dWeight, int rows, int size) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            var i = start * ColumnBlock;
            var last = Math.Min(end * ColumnBlock, size);
            for (; i <= last - V.Count; i += V.Count) Column<V>(i);
            for (; i < last; i++) Column<Float1>(i);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Column<V>(int i) where V : unmanaged, IVector<V>
        {
            var sum = V.Create(0f);
            for (var t = 0; t < rows; t++)
            {
                var at = (nint)t * size + i;
                sum = V.FusedMultiplyAdd(V.Load(dy + at) * V.Load(x + at), V.Create(factors[t]), sum);
            }

            (V.Load(dWeight + i) + sum).Store(dWeight + i);
        }
    }

    private readonly struct RmsNormBackwardKernel(float* x, float* weight, float* dy, float* dx, int size, float epsilon, bool accumulate) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            for (var t = start; t < end; t++)
            {
                var row = (nint)t * size;
                var factor = InverseRootMeanSquare<V>(x + row, size, epsilon);
                var slope = factor * factor * (VectorMath.Dot<V>(dy + row, weight, x + row, size) / size);
                var i = 0;
                for (; i <= size - V.Count; i += V.Count) At<V>(row, i, factor, slope);
                for (; i < size; i++) At<Float1>(row, i, factor, slope);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void At<V>(nint row, int i, float factor, float slope) where V : unmanaged, IVector<V>
        {
            var gradient = V.Load(dy + row + i) * V.Load(weight + i) - V.Load(x + row + i) * V.Create(slope);
            var result = gradient * V.Create(factor);
            if (accumulate) result += V.Load(dx + row + i);
            result.Store(dx + row + i);
        }
    }
}
