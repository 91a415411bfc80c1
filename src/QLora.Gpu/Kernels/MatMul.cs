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
    /// <summary>Elements that lie side by side, which a lane loads and decodes at once.</summary>
    private const int Run = Tile.Size * Tile.Size / (Tile.Lanes * Tile.Lanes);

    /// <summary>A group makes one tile of c ← alpha · a · b + u · v + beta · c; the second product has the same result and may have an inner extent of 0.</summary>
    public static void MatMul<TLeft, TLeftRun, TRight, TRightRun, TResult>(
        TLeft a, TRight b, ProductShape shape, ArrayView<F32> u, ArrayView<F32> v, ProductShape branch, ArrayView<TResult> c, float alpha, float beta)
        where TLeft : struct, IRunReader<TLeft, TLeftRun> where TLeftRun : unmanaged
        where TRight : struct, IRunReader<TRight, TRightRun> where TRightRun : unmanaged where TResult : unmanaged, IElement<TResult>
    {
        var left = SharedMemory.Allocate<float>(Tile.Length);
        var right = SharedMemory.Allocate<float>(Tile.Length);
        var sums = Accumulate<TLeft, TLeftRun, TRight, TRightRun>(a, b.Staged(), shape, left, right, default);
        sums = Scale(sums, alpha);
        sums = Accumulate<LooseRuns<DenseReader<F32>>, SingleRun, LooseRuns<DenseReader<F32>>, SingleRun>(new(new(u)), new(new(v)), branch, left, right, sums);
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
    private static Sums Accumulate<TLeft, TLeftRun, TRight, TRightRun>(TLeft a, TRight b, ProductShape shape, ArrayView<float> left, ArrayView<float> right, Sums sums)
        where TLeft : struct, IRunReader<TLeft, TLeftRun> where TLeftRun : unmanaged
        where TRight : struct, IRunReader<TRight, TRightRun> where TRightRun : unmanaged
    {
        // Each lane has one run of either operand, which lies along the inner index, or across it.
        var major = Tile.Lane >> 1;
        var minor = (Tile.Lane & 1) * Run;
        var leftAlong = shape.LeftColumn == 1;
        var rightAlong = shape.RightRow == 1;
        var m = Grid.IdxY * Tile.Size + (leftAlong ? major : minor);
        var n = Grid.IdxX * Tile.Size + (rightAlong ? major : minor);
        for (var k0 = 0; k0 < shape.K; k0 += Tile.Size)
        {
            var k = k0 + (leftAlong ? minor : major);
            Store<TLeft, TLeftRun>(a, a.Load(shape.Left(m, k), Count(leftAlong, shape.K - k, shape.M - m)), left, leftAlong, major, minor);
            k = k0 + (rightAlong ? minor : major);
            Store<TRight, TRightRun>(b, b.Load(shape.Right(k, n), Count(rightAlong, shape.K - k, shape.N - n)), right, rightAlong, major, minor);
            Group.Barrier();
            sums = Tile.MultiplyAdd(left, right, Tile.Count(shape.K, k0), sums);
            Group.Barrier();
        }

        return sums;
    }

    /// <summary>How many elements a run has that begins so far before the end of the inner index and so far before that of the other one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Count(bool along, int inner, int outer)
    {
        if (along) return outer > 0 ? inner : 0;
        return inner > 0 ? outer : 0;
    }

    /// <summary>Puts a run into a tile, whose rows are along the other index.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TReader, TRun>(TReader reader, TRun run, ArrayView<float> tile, bool along, int major, int minor)
        where TReader : struct, IRunReader<TReader, TRun> where TRun : unmanaged
    {
        var start = along ? minor * Tile.Pitch + major : major * Tile.Pitch + minor;
        var step = along ? Tile.Pitch : 1;
        Tile.Store(tile, start, step, reader.Quarter(run, 0));
        Tile.Store(tile, start + 4 * step, step, reader.Quarter(run, 1));
        Tile.Store(tile, start + 8 * step, step, reader.Quarter(run, 2));
        Tile.Store(tile, start + 12 * step, step, reader.Quarter(run, 3));
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
