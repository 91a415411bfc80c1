using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm.BFloat16;

/// <summary>
/// Packs a matrix of BFloat16 numbers for <see cref="PairTile"/>: of some rows, pair after pair of the inner index stands side by side. A missing last number, and rows that
/// are missing, are zeros.
/// </summary>
/// <param name="data">Its first number.</param>
/// <param name="row">Numbers from one row to the next; 1 when it is stored transposed.</param>
/// <param name="inner">Numbers from one inner index to the next; 1 when it is not.</param>
internal readonly unsafe struct Pairs(ushort* data, nint row, nint inner)
{
    /// <summary>Packs some rows.</summary>
    /// <param name="first">The first row.</param>
    /// <param name="rows">How many there are.</param>
    /// <param name="size">How many there shall be.</param>
    /// <param name="k">The first inner index.</param>
    /// <param name="count">How many.</param>
    /// <param name="destination">Takes <paramref name="size"/> pairs for every two inner indices.</param>
    public void Pack<V>(int first, int rows, int size, int k, int count, uint* destination) where V : unmanaged, IVector<V>
    {
        var source = data + first * row + k * inner;
        if (row == 1) PackColumns(source, rows, size, count, destination);
        else PackRows<V>(source, rows, size, count, destination);
        for (var r = rows; r < size; r++)
        {
            for (var p = 0; p < (count + 1) / 2; p++) destination[(nint)p * size + r] = 0;
        }
    }

    /// <summary>The pairs of a row lie side by side, like single-precision numbers.</summary>
    private void PackRows<V>(ushort* source, int rows, int size, int count, uint* destination) where V : unmanaged, IVector<V>
    {
        var whole = count / 2;
        if (row % 2 == 0)
        {
            LeftMatrix.PackRows<V>((float*)source, row / 2, rows, size, whole, (float*)destination);
        }
        else
        {
            for (var r = 0; r < rows; r++)
            {
                for (var p = 0; p < whole; p++) destination[(nint)p * size + r] = *(uint*)(source + r * row + 2 * p);
            }
        }

        for (var r = 0; r < rows && count % 2 != 0; r++) destination[(nint)whole * size + r] = source[r * row + count - 1];
    }

    /// <summary>The numbers of an inner index lie side by side, and pairs are made of two of those.</summary>
    [MethodImpl(Hot.Loop)]
    private void PackColumns(ushort* source, int rows, int size, int count, uint* destination)
    {
        var k = 0;
        for (; k < count - 1; k += 2, source += 2 * inner, destination += size)
        {
            var second = source + inner;
            var r = 0;
            for (; r <= rows - 16; r += 16) (Avx512F.ConvertToVector512Int32(Vector256.Load(source + r)) | Avx512F.ConvertToVector512Int32(Vector256.Load(second + r)) << 16).Store((int*)destination + r);
            for (; r <= rows - 8; r += 8) (Avx2.ConvertToVector256Int32(source + r) | Avx2.ConvertToVector256Int32(second + r) << 16).Store((int*)destination + r);
            for (; r < rows; r++) destination[r] = source[r] | (uint)second[r] << 16;
        }

        for (var r = 0; k < count && r < rows; r++) destination[r] = source[r];
    }
}

/// <summary>The same of a matrix in single precision, rounded on the way.</summary>
/// <param name="data">Its first number.</param>
/// <param name="row">Numbers from one row to the next; 1 when it is stored transposed.</param>
/// <param name="inner">Numbers from one inner index to the next; 1 when it is not.</param>
internal readonly unsafe struct RoundedPairs(float* data, nint row, nint inner)
{
    // Numbers of each row that are rounded at a time.
    private const int Run = 64, MaxRows = 24;

    /// <summary>Packs some rows; as <see cref="Pairs.Pack"/> does.</summary>
    public void Pack<V>(int first, int rows, int size, int count, uint* destination) where V : unmanaged, IVector<V>
    {
        var source = data + first * row;
        if (row == 1) PackColumns(source, rows, size, count, destination);
        else PackRows<V>(source, rows, size, count, destination);
    }

    /// <summary>A run of each row is rounded, and the runs are packed.</summary>
    private void PackRows<V>(float* source, int rows, int size, int count, uint* destination) where V : unmanaged, IVector<V>
    {
        var rounded = stackalloc ushort[MaxRows * Run];
        for (var k = 0; k < count; k += Run)
        {
            var run = Math.Min(Run, count - k);
            for (var r = 0; r < rows; r++) Round<V>(source + r * row + k, run, rounded + r * Run);
            new Pairs(rounded, Run, 1).Pack<V>(0, rows, size, 0, run, destination + (nint)k / 2 * size);
        }
    }

    /// <summary>The numbers of an inner index lie side by side, and pairs are made of two of those.</summary>
    [MethodImpl(Hot.Loop)]
    private void PackColumns(float* source, int rows, int size, int count, uint* destination)
    {
        var k = 0;
        for (; k < count - 1; k += 2, source += 2 * inner, destination += size)
        {
            var second = source + inner;
            var r = 0;
            for (; r <= rows - 16; r += 16) Float16.StorePairs(Float16.Load(source + r), Float16.Load(second + r), destination + r);
            for (; r <= rows - 8; r += 8) Float8.StorePairs(Float8.Load(source + r), Float8.Load(second + r), destination + r);
            for (; r < rows; r++) destination[r] = Tensors.BFloat16.Round(source[r]) | (uint)Tensors.BFloat16.Round(second[r]) << 16;
            for (; r < size; r++) destination[r] = 0;
        }

        for (var r = 0; k < count && r < size; r++) destination[r] = r < rows ? Tensors.BFloat16.Round(source[r]) : 0u;
    }

    [MethodImpl(Hot.Loop)]
    private static void Round<V>(float* numbers, int count, ushort* rounded) where V : unmanaged, IVector<V>
    {
        var i = 0;
        for (; i <= count - V.Count; i += V.Count) V.Load(numbers + i).StoreBFloat16(rounded + i);
        for (; i < count; i++) rounded[i] = Tensors.BFloat16.Round(numbers[i]);
    }
}

/// <summary>Packs the left matrix of a product, in groups of a tile's rows, and rounds what it goes on with. An item is a group.</summary>
internal readonly unsafe struct PackLeftPairs(LeftMatrix source, int rows, int inner, int group, uint* destination) : IKernel
{
    [MethodImpl(Hot.Loop)]
    public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
    {
        var own = source.Branch.OfMatrix(inner);
        for (var i = start; i < end; i++)
        {
            var first = i * group;
            var count = Math.Min(group, rows - first);
            var pairs = destination + (nint)first * ((inner + 1) / 2);
            if (source.DType == Tensors.DType.BFloat16) new Pairs((ushort*)source.Data, source.Row, source.Inner).Pack<V>(first, count, group, 0, own, pairs);
            else new RoundedPairs((float*)source.Data, source.Row, source.Inner).Pack<V>(first, count, group, own, pairs);

            // The branch begins with a whole pair.
            if (own < inner) new RoundedPairs(source.Branch.Row(first, own), source.Branch.Columns, 1).Pack<V>(0, count, group, inner - own, pairs + (nint)own / 2 * group);
        }
    }
}
