using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void LayerNormCore(Tensor x, Tensor weight, Tensor bias, Tensor y, float epsilon) => Run(
        x.DType, x.Rows, 4 * x.Columns, new LayerNormKernel(Address(x), weight.Pointer<float>(), bias.Pointer<float>(), Address(y), x.Columns, epsilon));

    /// <inheritdoc/>
    protected override void LayerNormBackwardCore(
        Tensor x, Tensor weight, Tensor dy, Tensor? dx, Tensor? dWeight, Tensor? dBias, float epsilon, bool accumulate)
    {
        var input = Address(x);
        var gradient = Address(dy);
        var size = x.Columns;

        // Both before dx, which may lie over dy.
        if (dBias is { } offset) AddBiasBackwardCore(dy, offset);
        if (dWeight is { } factor)
        {
            using var buffer = AllocateBuffer(RowMomentBytes(x.Rows));
            var moments = (RowMoments*)Address(buffer);
            Run(x.DType, x.Rows, 2 * size, new LayerNormMomentsKernel(input, moments, size, epsilon));
            Run(x.DType, ColumnBlocks(size), 2L * x.Rows * ColumnBlock,
                new LayerNormWeightKernel(input, gradient, moments, factor.Pointer<float>(), x.Rows, size));
        }

        if (dx is { } result)
        {
            Run(x.DType, x.Rows, 6 * size,
                new LayerNormBackwardKernel(input, weight.Pointer<float>(), gradient, Address(result), size, epsilon, accumulate));
        }
    }

    private static long RowMomentBytes(int rows) => (long)rows * sizeof(RowMoments);

    /// <summary>What a row is normalised by.</summary>
    /// <param name="Mean">mean(x).</param>
    /// <param name="Factor">1 / sqrt(mean((x − mean)²) + epsilon).</param>
    private readonly record struct RowMoments(float Mean, float Factor)
    {
        /// <summary>In two passes: squares that are not centred would cancel, and what the first mean was off by is seen in the second.</summary>
        [MethodImpl(Hot.Loop)]
        public static RowMoments Of<V, TFormat>(byte* x, int size, float epsilon)
            where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var (sums, rests, squares) = (V.Create(0f), V.Create(0f), V.Create(0f));
            var i = 0;
            for (; i <= size - V.Count; i += V.Count) sums += TFormat.Load<V>(x, i);
            var lastSum = Float1.Create(V.Sum(sums));
            for (; i < size; i++) lastSum += TFormat.Load<Float1>(x, i);
            var mean = Float1.Sum(lastSum) / size;

            for (i = 0; i <= size - V.Count; i += V.Count)
            {
                var centred = TFormat.Load<V>(x, i) - V.Create(mean);
                rests += centred;
                squares = V.FusedMultiplyAdd(centred, centred, squares);
            }

            var (lastRest, lastSquare) = (Float1.Create(V.Sum(rests)), Float1.Create(V.Sum(squares)));
            for (; i < size; i++)
            {
                var centred = TFormat.Load<Float1>(x, i) - Float1.Create(mean);
                lastRest += centred;
                lastSquare += centred * centred;
            }

            var (rest, square) = (Float1.Sum(lastRest) / size, Float1.Sum(lastSquare) / size);
            return new RowMoments(mean + rest, 1 / MathF.Sqrt(MathF.Max(0, square - rest * rest) + epsilon));
        }
    }

    private readonly struct LayerNormKernel(byte* x, float* weight, float* bias, byte* y, int size, float epsilon) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var t = start; t < end; t++)
            {
                var row = (nint)t * size;
                var moments = RowMoments.Of<V, TFormat>(x + row * TFormat.Size, size, epsilon);
                var i = 0;
                for (; i <= size - V.Count; i += V.Count) At<V, TFormat>(row, i, moments);
                for (; i < size; i++) At<Float1, TFormat>(row, i, moments);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void At<V, TFormat>(nint row, int i, RowMoments moments) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var normalized = (TFormat.Load<V>(x, row + i) - V.Create(moments.Mean)) * V.Create(moments.Factor);
            TFormat.Store(y, row + i, V.FusedMultiplyAdd(normalized, V.Load(weight + i), V.Load(bias + i)));
        }
    }

    private readonly struct LayerNormMomentsKernel(byte* x, RowMoments* moments, int size, float epsilon) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var t = start; t < end; t++) moments[t] = RowMoments.Of<V, TFormat>(x + (nint)t * size * TFormat.Size, size, epsilon);
        }
    }

    /// <summary>Items are blocks of columns: each is summed over the rows in their order, whoever does it.</summary>
    private readonly struct LayerNormWeightKernel(byte* x, byte* dy, RowMoments* moments, float* dWeight, int rows, int size) : IActivationKernel
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
                var centred = TFormat.Load<V>(x, at) - V.Create(moments[t].Mean);
                sum = V.FusedMultiplyAdd(TFormat.Load<V>(dy, at) * centred, V.Create(moments[t].Factor), sum);
            }

            (V.Load(dWeight + i) + sum).Store(dWeight + i);
        }
    }

    private readonly struct LayerNormBackwardKernel(byte* x, float* weight, byte* dy, byte* dx, int size, float epsilon, bool accumulate)
        : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var t = start; t < end; t++)
            {
                var row = (nint)t * size;
                var moments = RowMoments.Of<V, TFormat>(x + row * TFormat.Size, size, epsilon);
                var (sums, dots) = (V.Create(0f), V.Create(0f));
                var i = 0;
                for (; i <= size - V.Count; i += V.Count) Add<V, TFormat>(row, i, moments.Mean, ref sums, ref dots);
                var (lastSum, lastDot) = (Float1.Create(V.Sum(sums)), Float1.Create(V.Sum(dots)));
                for (; i < size; i++) Add<Float1, TFormat>(row, i, moments.Mean, ref lastSum, ref lastDot);

                var mean = Float1.Sum(lastSum) / size;
                var slope = moments.Factor * moments.Factor * (Float1.Sum(lastDot) / size);
                for (i = 0; i <= size - V.Count; i += V.Count) At<V, TFormat>(row, i, moments, mean, slope);
                for (; i < size; i++) At<Float1, TFormat>(row, i, moments, mean, slope);
            }
        }

        /// <summary>Adds the gradients g to their sums, and their products with x − mean.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Add<V, TFormat>(nint row, int i, float mean, ref V sums, ref V dots)
            where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var gradient = TFormat.Load<V>(dy, row + i) * V.Load(weight + i);
            sums += gradient;
            dots = V.FusedMultiplyAdd(gradient, TFormat.Load<V>(x, row + i) - V.Create(mean), dots);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void At<V, TFormat>(nint row, int i, RowMoments moments, float mean, float slope)
            where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var gradient = TFormat.Load<V>(dy, row + i) * V.Load(weight + i) - V.Create(mean);
            var result = (gradient - (TFormat.Load<V>(x, row + i) - V.Create(moments.Mean)) * V.Create(slope)) * V.Create(moments.Factor);
            if (accumulate) result += TFormat.Load<V>(dx, row + i);
            TFormat.Store(dx, row + i, result);
        }
    }
}
