using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void ScatterAddRowsCore(Tensor x, Tensor rows, Tensor y)
    {
        CheckIndices(nameof(ScatterAddRows), nameof(rows), rows, y.Rows);
        Run(ColumnBlocks(x.Columns), (long)x.Rows * ColumnBlock,
            new EmbeddingBackwardKernel(rows.Pointer<int>(), x.Pointer<float>(), y.Pointer<float>(), x.Rows, x.Columns));
    }
}
