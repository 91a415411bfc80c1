using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>A stored matrix whose rows are read as single-precision numbers, whatever they are kept as.</summary>
internal unsafe interface IRows
{
    /// <summary>destination[0, count) ← numbers <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/> of a row.</summary>
    void Read<V>(int row, int first, int count, float* destination) where V : unmanaged, IVector<V>;
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
}

/// <summary>Rows of IEEE half-precision numbers.</summary>
internal readonly unsafe struct Float16Rows(Half* data, int columns) : IRows
{
    public void Read<V>(int row, int first, int count, float* destination) where V : unmanaged, IVector<V> =>
        TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(data + (nint)row * columns + first, count), new Span<float>(destination, count));
}
