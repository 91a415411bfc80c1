using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>A stored matrix whose rows are read as single-precision numbers, whatever they are kept as.</summary>
internal unsafe interface IRows
{
    /// <summary>destination[0, count) ← numbers <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/> of a row.</summary>
    void Read<V>(int row, int first, int count, float* destination) where V : unmanaged, IVector<V>;

    /// <summary>destination[r · width + j] ← number <paramref name="first"/> + j of row <paramref name="row"/> + r, zeros from <paramref name="columns"/> to width.</summary>
    /// <param name="row">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="first">The first number of each.</param>
    /// <param name="columns">How many.</param>
    /// <param name="destination">Where they go.</param>
    /// <param name="width">Numbers from one row to the next.</param>
    /// <param name="scratch">Room for <see cref="Panel.ScratchSize"/> numbers.</param>
    void ReadRows<V>(int row, int rows, int first, int columns, float* destination, int width, float* scratch) where V : unmanaged, IVector<V>;

    /// <summary>destination[k · width + r] ← number <paramref name="first"/> + k of row <paramref name="row"/> + r, for k below <paramref name="count"/> and a vector of rows.</summary>
    /// <param name="row">The first row.</param>
    /// <param name="first">The first number.</param>
    /// <param name="count">Numbers of each row; destination must have room for whole vectors of them.</param>
    /// <param name="destination">Where they go.</param>
    /// <param name="width">Numbers from one k to the next.</param>
    /// <param name="scratch">Room for <see cref="Panel.ScratchSize"/> numbers.</param>
    void ReadTransposed<V>(int row, int first, int count, float* destination, nint width, float* scratch) where V : unmanaged, IVector<V>;
}

/// <summary>Rows of single-precision numbers.</summary>
internal readonly unsafe struct Float32Rows(float* data, int columns) : IRows
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Read<V>(int row, int first, int count, float* destination) where V : unmanaged, IVector<V>
    {
        var source = data + (nint)row * columns + first;
        var i = 0;
        for (; i <= count - V.Count; i += V.Count) V.Load(source + i).Store(destination + i);
        for (; i < count; i++) destination[i] = source[i];
    }

    public void ReadRows<V>(int row, int rows, int first, int columns, float* destination, int width, float* scratch) where V : unmanaged, IVector<V> =>
        Panel.ReadRows<V, Float32Rows>(this, row, rows, first, columns, destination, width);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ReadTransposed<V>(int row, int first, int count, float* destination, nint width, float* scratch) where V : unmanaged, IVector<V>
    {
        var whole = count / V.Count * V.Count;
        var source = data + (nint)row * columns + first;
        for (var i = 0; i < whole; i += V.Count) V.Transpose(source + i, columns, destination + i * width, width);
        if (whole < count) Panel.ReadTransposed<V, Float32Rows>(this, row, V.Count, first + whole, count - whole, destination + whole * width, width, scratch);
    }
}

/// <summary>Rows of the upper halves of singles.</summary>
internal readonly unsafe struct BFloat16Rows(ushort* data, int columns) : IRows
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Read<V>(int row, int first, int count, float* destination) where V : unmanaged, IVector<V>
    {
        var source = data + (nint)row * columns + first;
        var i = 0;
        for (; i <= count - V.Count; i += V.Count) V.LoadBFloat16(source + i).Store(destination + i);
        for (; i < count; i++) Float1.LoadBFloat16(source + i).Store(destination + i);
    }

    public void ReadRows<V>(int row, int rows, int first, int columns, float* destination, int width, float* scratch) where V : unmanaged, IVector<V> =>
        Panel.ReadRows<V, BFloat16Rows>(this, row, rows, first, columns, destination, width);

    public void ReadTransposed<V>(int row, int first, int count, float* destination, nint width, float* scratch) where V : unmanaged, IVector<V> =>
        Panel.ReadTransposed<V, BFloat16Rows>(this, row, V.Count, first, count, destination, width, scratch);
}

/// <summary>Rows of IEEE half-precision numbers.</summary>
internal readonly unsafe struct Float16Rows(Half* data, int columns) : IRows
{
    public void Read<V>(int row, int first, int count, float* destination) where V : unmanaged, IVector<V> =>
        TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(data + (nint)row * columns + first, count), new Span<float>(destination, count));

    public void ReadRows<V>(int row, int rows, int first, int columns, float* destination, int width, float* scratch) where V : unmanaged, IVector<V> =>
        Panel.ReadRows<V, Float16Rows>(this, row, rows, first, columns, destination, width);

    public void ReadTransposed<V>(int row, int first, int count, float* destination, nint width, float* scratch) where V : unmanaged, IVector<V> =>
        Panel.ReadTransposed<V, Float16Rows>(this, row, V.Count, first, count, destination, width, scratch);
}
