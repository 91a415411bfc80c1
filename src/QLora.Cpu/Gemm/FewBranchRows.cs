using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>What a branch adds to a product of a few rows, u · Vᵀ, while the product's own sums have not been rounded yet; nothing without a branch.</summary>
/// <param name="u">The rows of u.</param>
/// <param name="v">The rows of V.</param>
/// <param name="rank">Numbers of each.</param>
internal readonly unsafe struct FewBranchRows(float* u, float* v, int rank)
{
    /// <summary>Numbers of a row; 0 without a branch.</summary>
    public int Rank => rank;

    /// <summary>A row of u.</summary>
    public float* U(int row) => u + (nint)row * rank;

    /// <summary>A row of V.</summary>
    public float* V(int row) => v + (nint)row * rank;

    /// <summary>sums[j] += Σ_k u[row, k] · V[first + j, k] for <see cref="IDots.Rows"/> rows of V.</summary>
    [MethodImpl(Hot.Loop)]
    public void Add<TVector>(int row, int first, float* sums) where TVector : unmanaged, IVector<TVector>
    {
        if (rank == 0) return;
        var products = stackalloc float[IDots.Rows];
        nint vRow = rank * sizeof(float);

        // Ranks are small: what fills no wide vector may still fill a narrow one.
        if (rank % TVector.Count == 0) Dots<SingleFormat>.One<TVector>(U(row), (byte*)V(first), vRow, rank, products);
        else Dots<SingleFormat>.One<Float4>(U(row), (byte*)V(first), vRow, rank, products);
        (Float4.Load(sums) + Float4.Load(products)).Store(sums);
    }
}
