using QLora.Backends;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>Weights of half precision or 8 bits in single precision.</summary>
internal static class Widening
{
    /// <summary>A copy of a vector or matrix in Float32, of the same shape. The caller gives it back.</summary>
    public static Tensor ToFloat32(this Backend backend, Tensor tensor)
    {
        var matrix = tensor.Shape.Rank == 1 ? tensor.Reshape(1, (int)tensor.Count) : tensor;
        var copy = backend.Allocate(matrix.Shape);
        var rows = backend.Upload<int>(new Shape(matrix.Rows), DType.Int32, [.. Enumerable.Range(0, matrix.Rows)]);
        backend.Embedding(rows, matrix, copy);
        rows.Dispose();
        return copy with { Shape = tensor.Shape };
    }
}
