using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    // Columns that are summed together: some cache lines of each row.
    private const int ColumnBlock = 64;

    /// <inheritdoc/>
    protected override void AddCore(Tensor x, Tensor y, float alpha) => RunElements(x, 1, new AddKernel(Address(x), Address(y), alpha));

    /// <inheritdoc/>
    protected override void ScaleCore(Tensor x, float factor) => RunElements(x, 1, new ScaleKernel(Address(x), factor));

    /// <inheritdoc/>
    protected override void AddBiasCore(Tensor bias, Tensor y) =>
        Run(y.DType, y.Rows, y.Columns, new AddBiasKernel(bias.Pointer<float>(), Address(y), y.Columns));

    /// <inheritdoc/>
    protected override void AddBiasBackwardCore(Tensor dy, Tensor dBias) =>
        Run(dy.DType, ColumnBlocks(dy.Columns), (long)dy.Rows * ColumnBlock, new AddBiasBackwardKernel(Address(dy), dBias.Pointer<float>(), dy.Rows, dy.Columns));

    private static int ColumnBlocks(int columns) => (columns + ColumnBlock - 1) / ColumnBlock;

    private readonly struct AddKernel(byte* x, byte* y, float alpha) : IActivationElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V, TFormat>(nint i) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat =>
            TFormat.Store(y, i, V.FusedMultiplyAdd(TFormat.Load<V>(x, i), V.Create(alpha), TFormat.Load<V>(y, i)));
    }

    private readonly struct ScaleKernel(byte* x, float factor) : IActivationElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V, TFormat>(nint i) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat =>
            TFormat.Store(x, i, TFormat.Load<V>(x, i) * V.Create(factor));
    }

    private readonly struct AddBiasKernel(float* bias, byte* y, int size) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var t = start; t < end; t++)
            {
                var row = (nint)t * size;
                var i = 0;
                for (; i <= size - V.Count; i += V.Count) At<V, TFormat>(row, i);
                for (; i < size; i++) At<Float1, TFormat>(row, i);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void At<V, TFormat>(nint row, int i) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat =>
            TFormat.Store(y, row + i, TFormat.Load<V>(y, row + i) + V.Load(bias + i));
    }

    /// <summary>Items are blocks of columns: each is summed over the rows in their order, whoever does it.</summary>
    private readonly struct AddBiasBackwardKernel(byte* dy, float* dBias, int rows, int size) : IActivationKernel
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
            for (var t = 0; t < rows; t++) sum += TFormat.Load<V>(dy, (nint)t * size + i);
            (V.Load(dBias + i) + sum).Store(dBias + i);
        }
    }
}
