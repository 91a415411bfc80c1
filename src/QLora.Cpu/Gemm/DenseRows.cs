using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>Rows of a dense matrix.</summary>
internal readonly unsafe struct DenseRows<TFormat>(byte* data, int columns) : IRows where TFormat : struct, INumberFormat
{
    /// <summary>Numbers of a row.</summary>
    public int Columns => columns;

    /// <summary>The address of a number.</summary>
    public byte* At(int row, int column) => data + ((nint)row * columns + column) * TFormat.Size;

    [MethodImpl(Hot.Loop)]
    public void Read<V>(int row, int first, int count, float* destination) where V : unmanaged, IVector<V>
    {
        var source = At(row, first);
        var i = 0;
        for (; i <= count - V.Count; i += V.Count) TFormat.Load<V>(source + (nint)i * TFormat.Size).Store(destination + i);
        for (; i < count; i++) TFormat.Load<Float1>(source + (nint)i * TFormat.Size).Store(destination + i);
    }

    public void ReadRows<V>(int row, int rows, int first, int columns, float* destination, int width, float* scratch) where V : unmanaged, IVector<V> =>
        Panel.ReadRows<V, DenseRows<TFormat>>(this, row, rows, first, columns, destination, width);

    [MethodImpl(Hot.Loop)]
    public void ReadTransposed<V>(int row, int first, int count, float* destination, nint width, float* scratch) where V : unmanaged, IVector<V>
    {
        var whole = 0;
        if (typeof(TFormat) == typeof(SingleFormat))
        {
            // What is in single precision already is transposed where it lies.
            whole = count / V.Count * V.Count;
            var source = (float*)At(row, first);
            for (var i = 0; i < whole; i += V.Count) V.Transpose(source + i, columns, destination + i * width, width);
        }

        if (whole < count) Panel.ReadTransposed<V, DenseRows<TFormat>>(this, row, V.Count, first + whole, count - whole, destination + whole * width, width, scratch);
    }

    public void Prefetch(int row, int rows, int first, int count) =>
        Prefetching.Rows(At(row, first), (nint)columns * TFormat.Size, rows, (nint)count * TFormat.Size);

    public float* InPlace(int row, int column, out nint stride)
    {
        stride = columns;
        return typeof(TFormat) == typeof(SingleFormat) ? (float*)At(row, column) : null;
    }
}
