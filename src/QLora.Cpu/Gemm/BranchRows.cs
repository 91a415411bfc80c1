using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>A right matrix that goes on, along the inner index, with another: so a product of low rank rides along with that of a frozen weight.</summary>
/// <typeparam name="TRows">How the frozen weight is kept.</typeparam>
/// <param name="weight">The frozen weight.</param>
/// <param name="branch">The other.</param>
/// <param name="inner">The inner index at which it begins.</param>
internal readonly unsafe struct BranchRows<TRows>(TRows weight, DenseRows<SingleFormat> branch, int inner) : IRows where TRows : struct, IRows
{
    public void Read<V>(int row, int first, int count, float* destination) where V : unmanaged, IVector<V>
    {
        var ofWeight = OfWeight(first, count);
        if (ofWeight > 0) weight.Read<V>(row, first, ofWeight, destination);
        if (ofWeight < count) branch.Read<V>(row, first + ofWeight - inner, count - ofWeight, destination + ofWeight);
    }

    public void ReadRows<V>(int row, int rows, int first, int columns, float* destination, int width, float* scratch) where V : unmanaged, IVector<V>
    {
        var ofWeight = OfWeight(row, rows);
        if (ofWeight > 0) weight.ReadRows<V>(row, ofWeight, first, columns, destination, width, scratch);
        if (ofWeight < rows) branch.ReadRows<V>(row + ofWeight - inner, rows - ofWeight, first, columns, destination + (nint)ofWeight * width, width, scratch);
    }

    public void ReadTransposed<V>(int row, int first, int count, float* destination, nint width, float* scratch) where V : unmanaged, IVector<V>
    {
        var ofWeight = OfWeight(first, count);
        if (ofWeight > 0) weight.ReadTransposed<V>(row, first, ofWeight, destination, width, scratch);
        if (ofWeight < count) branch.ReadTransposed<V>(row, first + ofWeight - inner, count - ofWeight, destination + ofWeight * width, width, scratch);
    }

    public void Prefetch(int row, int rows, int first, int count) => weight.Prefetch(row, rows, first, count);

    public float* InPlace(int row, int column, out nint stride)
    {
        stride = 0;
        return null;
    }

    /// <summary>How many of so many inner indices are the weight's.</summary>
    private int OfWeight(int first, int count) => Math.Clamp(inner - first, 0, count);
}
