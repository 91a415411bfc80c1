using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>The innermost part of every product: a rectangle of results that stays in registers while the inner index runs.</summary>
internal unsafe interface ITile
{
    /// <summary>Rows of results.</summary>
    static abstract int Rows { get; }

    /// <summary>Vectors of results in a row.</summary>
    static abstract int Vectors { get; }

    /// <summary>c[r, s] ← alpha · Σ_k a[r, k] · b[k, s] + beta · c[r, s] for all of the rectangle; with beta 0, c is not read.</summary>
    /// <param name="inner">How far the inner index runs.</param>
    /// <param name="a">The left matrix from the rectangle's first row on.</param>
    /// <param name="b">The right matrix from the rectangle's first column on.</param>
    /// <param name="bRow">Numbers from one row of b to the next.</param>
    /// <param name="c">The corner of the rectangle.</param>
    /// <param name="cRow">Numbers from one row of c to the next.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="beta">Factor of the old content.</param>
    static abstract void Multiply<V>(int inner, LeftRows a, float* b, nint bRow, float* c, nint cRow, float alpha, float beta) where V : unmanaged, IVector<V>;
}

/// <summary>What becomes of a row of sums.</summary>
internal readonly unsafe struct TileResult<V>(float alpha, float beta) where V : unmanaged, IVector<V>
{
    private readonly V _alpha = V.Create(alpha), _beta = V.Create(beta);
    private readonly bool _reads = beta != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* c, V sum)
    {
        sum *= _alpha;
        if (_reads) sum = V.FusedMultiplyAdd(V.Load(c), _beta, sum);
        sum.Store(c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* c, V sum0, V sum1)
    {
        Store(c, sum0);
        Store(c + V.Count, sum1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* c, V sum0, V sum1, V sum2)
    {
        Store(c, sum0, sum1);
        Store(c + 2 * V.Count, sum2);
    }
}
