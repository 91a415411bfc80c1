using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void MatMulCore(Tensor a, Tensor b, Tensor c, bool transposeA, bool transposeB, float alpha, float beta)
    {
        var (m, n, inner) = (c.Rows, c.Columns, transposeA ? a.Rows : a.Columns);
        var left = Elements.Widened(a);
        var right = Elements.Widened(b);
        var result = new ActivationSpan(c);
        for (var i = 0; i < m; i++)
        {
            for (var j = 0; j < n; j++)
            {
                var sum = 0.0;
                for (var k = 0; k < inner; k++)
                {
                    var (atLeft, atRight) = (transposeA ? k * m + i : i * inner + k, transposeB ? j * inner + k : k * n + j);
                    sum += (double)left[atLeft] * right[atRight];
                }

                var old = beta == 0 ? 0 : (double)beta * result[i * n + j];
                result[i * n + j] = (float)(alpha * sum + old);
            }
        }
    }
}
