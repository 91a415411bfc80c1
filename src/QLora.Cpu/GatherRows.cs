using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void GatherRowsCore(Tensor x, Tensor rows, Tensor y)
    {
        CheckIndices(nameof(GatherRows), nameof(rows), rows, x.Rows);
        Run(y.Rows, y.Columns, new EmbeddingKernel(rows.Pointer<int>(), x, y));
    }
}
