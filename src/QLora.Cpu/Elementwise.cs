using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    // Columns that are summed together: some cache lines of each row.
    private const int ColumnBlock = 64;

    /// <inheritdoc/>
    protected override void AddCore(Tensor x, Tensor y, float alpha) => RunElements(x.Count, 1, new AddKernel(x.Pointer<float>(), y.Pointer<float>(), alpha));

    /// <inheritdoc/>
    protected override void ScaleCore(Tensor x, float factor) => RunElements(x.Count, 1, new ScaleKernel(x.Pointer<float>(), factor));

    /// <inheritdoc/>
    protected override void AddBiasCore(Tensor bias, Tensor y) => Run(y.Rows, y.Columns, new AddBiasKernel(bias.Pointer<float>(), y.Pointer<float>(), y.Columns));

    /// <inheritdoc/>
    protected override void AddBiasBackwardCore(Tensor dy, Tensor dBias) =>
        Run(ColumnBlocks(dy.Columns), (long)dy.Rows * ColumnBlock, new AddBiasBackwardKernel(dy.Pointer<float>(), dBias.Pointer<float>(), dy.Rows, dy.Columns));

    private static int ColumnBlocks(int columns) => (columns + ColumnBlock - 1) / ColumnBlock;

    private readonly struct AddKernel(float* x, float* y, float alpha) : IElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVector<V> => V.FusedMultiplyAdd(V.Load(x + i), V.Create(alpha), V.Load(y + i)).Store(y + i);
    }

    private readonly struct ScaleKernel(float* x, float factor) : IElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVector<V> => (V.Load(x + i) * V.Create(factor)).Store(x + i);
    }

    private readonly struct AddBiasKernel(float* bias, float* y, int size) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            for (var t = start; t < end; t++)
            {
                var row = y + (nint)t * size;
                var i = 0;
                for (; i <= size - V.Count; i += V.Count) (V.Load(row + i) + V.Load(bias + i)).Store(row + i);
                for (; i < size; i++) row[i] += bias[i];
            }
        }
    }

    /// <summary>Items are blocks of columns: each is summed over the rows in their order, whoever does it.</summary>
    private readonly struct AddBiasBackwardKernel(float* dy, float* dBias, int rows, int size) : IKernel
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
            for (var t = 0; t < rows; t++) sum += V.Load(dy + (nint)t * size + i);
            (V.Load(dBias + i) + sum).Store(dBias + i);
        }
    }
}
