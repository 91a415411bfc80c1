using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void LayerNormCore(Tensor x, Tensor weight, Tensor bias, Tensor y, float epsilon) => Run(x.Rows, 4 * x.Columns, new LayerNormKernel(
        x.Pointer<float>(), weight.Pointer<float>(), bias.Pointer<float>(), y.Pointer<float>(), x.Columns, epsilon));

    /// <inheritdoc/>
    protected override void LayerNormBackwardCore(
        Tensor x, Tensor weight, Tensor dy, Tensor? dx, Tensor? dWeight, Tensor? dBias, float epsilon, bool accumulate)
    {
        var input = x.Pointer<float>();
        var gradient = dy.Pointer<float>();
        var size = x.Columns;

        // Both before dx, which may lie over dy.
        if (dBias is { } offset) AddBiasBackwardCore(dy, offset);
        if (dWeight is { } factor)
        {
            using var buffer = AllocateBuffer(RowMomentBytes(x.Rows));
            var moments = (RowMoments*)Address(buffer);
            Run(x.Rows, 2 * size, new LayerNormMomentsKernel(input, moments, size, epsilon));
            Run(ColumnBlocks(size), 2L * x.Rows * ColumnBlock,
                new LayerNormWeightKernel(input, gradient, moments, factor.Pointer<float>(), x.Rows, size));
        }

        if (dx is { } result)
        {
            Run(x.Rows, 6 * size, new LayerNormBackwardKernel(input, weight.Pointer<float>(), gradient, result.Pointer<float>(), size, epsilon, accumulate));
        }
    }

    private static long RowMomentBytes(int rows) => (long)rows * sizeof(RowMoments);

    /// <summary>What a row is normalised by.</summary>
    /// <param name="Mean">mean(x).</param>
    /// <param name="Factor">1 / sqrt(mean((x − mean)²) + epsilon).</param>
    private readonly record struct RowMoments(float Mean, float Factor)
    {
        /// <summary>In two passes: squares that are not centred would cancel, and what the first mean was off by is seen in the second.</summary>
        public static RowMoments Of<V>(float* x, int size, float epsilon) where V : unmanaged, IVector<V>
        {
            var (sums, rests, squares) = (V.Create(0f), V.Create(0f), V.Create(0f));
            var i = 0;
            for (; i <= size - V.Count; i += V.Count) sums += V.Load(x + i);
            var sum = V.Sum(sums);
            for (; i < size; i++) sum += x[i];
            var mean = sum / size;

            for (i = 0; i <= size - V.Count; i += V.Count)
            {
                var centred = V.Load(x + i) - V.Create(mean);
                rests += centred;
                squares = V.FusedMultiplyAdd(centred, centred, squares);
            }

            var (rest, square) = (V.Sum(rests), V.Sum(squares));
            for (; i < size; i++)
            {
                rest += x[i] - mean;
                square += (x[i] - mean) * (x[i] - mean);
            }

            rest /= size;
            return new RowMoments(mean + rest, 1 / MathF.Sqrt(MathF.Max(0, square / size - rest * rest) + epsilon));
        }
    }

    private readonly struct LayerNormKernel(float* x, float* weight, float* bias, float* y, int size, float epsilon) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            for (var t = start; t < end; t++)
            {
                var row = (nint)t * size;
                var moments = RowMoments.Of<V>(x + row, size, epsilon);
                var i = 0;
                for (; i <= size - V.Count; i += V.Count) At<V>(row, i, moments);
                for (; i < size; i++) At<Float1>(row, i, moments);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void At<V>(nint row, int i, RowMoments moments) where V : unmanaged, IVector<V>
        {
            var normalized = (V.Load(x + row + i) - V.Create(moments.Mean)) * V.Create(moments.Factor);
            V.FusedMultiplyAdd(normalized, V.Load(weight + i), V.Load(bias + i)).Store(y + row + i);
        }
    }

    private readonly struct LayerNormMomentsKernel(float* x, RowMoments* moments, int size, float epsilon) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            for (var t = start; t < end; t++) moments[t] = RowMoments.Of<V>(x + (nint)t * size, size, epsilon);
        }
    }

    /// <summary>Items are blocks of columns: each is summed over the rows in their order, whoever does it.</summary>
    private readonly struct LayerNormWeightKernel(float* x, float* dy, RowMoments* moments, float* dWeight, int rows, int size) : IKernel
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
                var centred = V.Load(x + at) - V.Create(moments[t].Mean);
                sum = V.FusedMultiplyAdd(V.Load(dy + at) * centred, V.Create(moments[t].Factor), sum);
            }

            (V.Load(dWeight + i) + sum).Store(dWeight + i);
        }
    }

    private readonly struct LayerNormBackwardKernel(float* x, float* weight, float* dy, float* dx, int size, float epsilon, bool accumulate) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            for (var t = start; t < end; t++)
            {
                var row = (nint)t * size;
                var moments = RowMoments.Of<V>(x + row, size, epsilon);
                var (sums, dots) = (V.Create(0f), V.Create(0f));
                var i = 0;
                for (; i <= size - V.Count; i += V.Count) Add(row, i, moments.Mean, ref sums, ref dots);
                var (lastSum, lastDot) = (Float1.Create(V.Sum(sums)), Float1.Create(V.Sum(dots)));
                for (; i < size; i++) Add(row, i, moments.Mean, ref lastSum, ref lastDot);

                var mean = Float1.Sum(lastSum) / size;
                var slope = moments.Factor * moments.Factor * (Float1.Sum(lastDot) / size);
                for (i = 0; i <= size - V.Count; i += V.Count) At<V>(row, i, moments, mean, slope);
                for (; i < size; i++) At<Float1>(row, i, moments, mean, slope);
            }
        }

        /// <summary>Adds the gradients g to their sums, and their products with x − mean.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Add<V>(nint row, int i, float mean, ref V sums, ref V dots) where V : unmanaged, IVector<V>
        {
            var gradient = V.Load(dy + row + i) * V.Load(weight + i);
            sums += gradient;
            dots = V.FusedMultiplyAdd(gradient, V.Load(x + row + i) - V.Create(mean), dots);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void At<V>(nint row, int i, RowMoments moments, float mean, float slope) where V : unmanaged, IVector<V>
        {
            var gradient = V.Load(dy + row + i) * V.Load(weight + i) - V.Create(mean);
            var result = (gradient - (V.Load(x + row + i) - V.Create(moments.Mean)) * V.Create(slope)) * V.Create(moments.Factor);
            if (accumulate) result += V.Load(dx + row + i);
            result.Store(dx + row + i);
        }
    }
}
