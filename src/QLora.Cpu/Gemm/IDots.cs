using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>Dot products of one or two rows with four rows of a weight, each of whose numbers is read once for all of them.</summary>
internal unsafe interface IDots
{
    /// <summary>Rows of the weight.</summary>
    public const int Rows = 4;

    /// <summary>sums[j] ← Σ_k x[k] · w[j, k].</summary>
    /// <param name="x">A row.</param>
    /// <param name="w">The first row of the weight.</param>
    /// <param name="wRow">Bytes from one row of the weight to the next.</param>
    /// <param name="count">Numbers of a row.</param>
    /// <param name="sums">The results.</param>
    static abstract void One<V>(float* x, byte* w, nint wRow, int count, float* sums) where V : unmanaged, IVector<V>;

    /// <summary>sums[r · 4 + j] ← Σ_k x[r, k] · w[j, k], for two rows r that are <paramref name="xRow"/> numbers apart; the rest as in <see cref="One"/>.</summary>
    static abstract void Two<V>(float* x, nint xRow, byte* w, nint wRow, int count, float* sums) where V : unmanaged, IVector<V>;
}
