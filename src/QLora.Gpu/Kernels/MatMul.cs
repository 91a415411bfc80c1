using System.Runtime.CompilerServices;
using ILGPU;

namespace QLora.Gpu.Kernels;

/// <summary>The extents of a product of an (m, k) and a (k, n) matrix, and where their elements stand: a product of transposed matrices differs in the strides alone.</summary>
internal struct ProductShape
{
    public int M, N, K;

    /// <summary>From one row of the left matrix to the next, and from one column to the next.</summary>
    public int LeftRow, LeftColumn;

    /// <summary>The same of the right matrix.</summary>
    public int RightRow, RightColumn;

    /// <summary>Element (m, k) of the left matrix.</summary>
    public readonly int Left(int m, int k) => m * LeftRow + k * LeftColumn;

    /// <summary>Element (k, n) of the right matrix.</summary>
    public readonly int Right(int k, int n) => k * RightRow + n * RightColumn;
}

internal static class MatMulKernels
{
    /// <summary>A group makes one tile of c ← alpha · a · b + u · v + beta · c; the second product has the same result and may have an inner extent of 0.</summary>
    public static void MatMul<TLeft, TRight, TResult>(
        ArrayView<TLeft> a, TRight b, ProductShape shape, ArrayView<F32> u, ArrayView<F32> v, ProductShape branch, ArrayView<TResult> c, float alpha, float beta)
        where TLeft : unmanaged, IStoredElement where TRight : struct, IWeightReader where TResult : unmanaged, IElement<TResult>
    {
        var left = SharedMemory.Allocate<float>(Tile.Length);
        var right = SharedMemory.Allocate<float>(Tile.Length);
        var sums = Accumulate(new DenseReader<TLeft>(a), b, shape, left, right, default);
        sums = Scale(sums, alpha);
        sums = Accumulate(new DenseReader<F32>(u), new DenseReader<F32>(v), branch, left, right, sums);
        Store(c, shape, 0, sums.Row0, beta);
        Store(c, shape, 1, sums.Row1, beta);
        Store(c, shape, 2, sums.Row2, beta);
        Store(c, shape, 3, sums.Row3, beta);
    }

    /// <summary>A group makes one element of the same, where a has a single row.</summary>
    public static void VectorMatMul<TLeft, TRight, TResult>(
        ArrayView<TLeft> a, TRight b, ProductShape shape, ArrayView<F32> u, ArrayView<F32> v, ProductShape branch, ArrayView<TResult> c, float alpha, float beta)
        where TLeft : unmanaged, IStoredElement where TRight : struct, IWeightReader where TResult : unmanaged, IElement<TResult>
    {
        var n = Grid.IdxX;
        var part = 0f;
        for (var k = Group.IdxX; k < shape.K; k += Group.DimX) part += a[shape.Left(0, k)].Widen() * b.Read(shape.Right(k, n));
        part *= alpha;
        for (var k = Group.IdxX; k < branch.K; k += Group.DimX) part += u[branch.Left(0, k)].Widen() * v[branch.Right(k, n)].Widen();
        var sum = Reduction.Sum(part);
        if (Group.IdxX == 0) c[n] = TResult.Round(beta == 0 ? sum : sum + beta * c[n].Widen());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Sums Accumulate<TLeft, TRight>(TLeft a, TRight b, ProductShape shape, ArrayView<float> left, ArrayView<float> right, Sums sums)
        where TLeft : struct, IWeightReader where TRight : struct, IWeightReader
    {
        var firstRow = Grid.IdxY * Tile.Size;
        var firstColumn = Grid.IdxX * Tile.Size;
        for (var k0 = 0; k0 < shape.K; k0 += Tile.Size)
        {
            // Neighbouring lanes read what is neighbouring in memory: along the inner index, or across it.
            for (var i = Tile.Lane; i < Tile.Size * Tile.Size; i += Tile.Lanes * Tile.Lanes)
            {
                var minor = i % Tile.Size;
                var major = i / Tile.Size;
                var k = shape.LeftColumn == 1 ? minor : major;
                var m = shape.LeftColumn == 1 ? major : minor;
                var inside = k0 + k < shape.K && firstRow + m < shape.M;
                left[k * Tile.Pitch + m] = inside ? a.Read(shape.Left(firstRow + m, k0 + k)) : 0;

                k = shape.RightRow == 1 ? minor : major;
                var n = shape.RightRow == 1 ? major : minor;
                inside = k0 + k < shape.K && firstColumn + n < shape.N;
                right[k * Tile.Pitch + n] = inside ? b.Read(shape.Right(k0 + k, firstColumn + n)) : 0;
            }

            Group.Barrier();
            sums = Tile.MultiplyAdd(left, right, Tile.Count(shape.K, k0), sums);
            Group.Barrier();
        }

        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Sums Scale(Sums sums, float factor) => new()
    {
        Row0 = default(Four).AddScaled(sums.Row0, factor),
        Row1 = default(Four).AddScaled(sums.Row1, factor),
        Row2 = default(Four).AddScaled(sums.Row2, factor),
        Row3 = default(Four).AddScaled(sums.Row3, factor),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<T>(ArrayView<T> c, ProductShape shape, int row, Four sums, float beta) where T : unmanaged, IElement<T>
    {
        var m = Grid.IdxY * Tile.Size + 4 * Group.IdxY + row;
        if (m >= shape.M) return;
        var n = Grid.IdxX * Tile.Size + 4 * Group.IdxX;
        Store(c, shape, m, n, sums.At0, beta);
        Store(c, shape, m, n + 1, sums.At1, beta);
        Store(c, shape, m, n + 2, sums.At2, beta);
        Store(c, shape, m, n + 3, sums.At3, beta);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<T>(ArrayView<T> c, ProductShape shape, int m, int n, float sum, float beta) where T : unmanaged, IElement<T>
    {
        if (n >= shape.N) return;
        var i = m * shape.N + n;
        c[i] = T.Round(beta == 0 ? sum : sum + beta * c[i].Widen()); // the old content may be anything where it is not asked for
    }
}
