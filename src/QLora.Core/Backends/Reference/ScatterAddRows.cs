using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void ScatterAddRowsCore(Tensor x, Tensor rows, Tensor y)
    {
        for (var i = 0; i < x.Rows; i++)
        {
            var input = x.Slice(i, 1).Span<float>();
            var row = y.Slice(rows.Span<int>()[i], 1).Span<float>();
            for (var c = 0; c < row.Length; c++) row[c] += input[c];
        }
    }
}
