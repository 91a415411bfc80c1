using System.Runtime.CompilerServices;
using QLora.Backends;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>What a branch adds to a product of a few rows, u · Vᵀ, while the product's own sums have not been rounded yet; nothing without a branch.</summary>
internal readonly unsafe struct FewBranchRows
{
    private readonly float* _u, _v;
    private readonly int _rank;

    /// <summary>The rows of a branch whose V is transposed.</summary>
    public FewBranchRows(LowRankBranch? branch)
    {
        if (branch is not { } added) return;
        _u = added.U.Pointer<float>();
        _v = added.V.Pointer<float>();
        _rank = added.U.Columns;
    }

    /// <summary>sums[j] += Σ_k u[row, k] · V[first + j, k] for <see cref="IDots.Rows"/> rows of V.</summary>
    [MethodImpl(Hot.Loop)]
    public void Add<V>(int row, int first, float* sums) where V : unmanaged, IVector<V>
    {
        if (_rank == 0) return;
        var products = stackalloc float[IDots.Rows];
        var u = _u + (nint)row * _rank;
        var v = (byte*)(_v + (nint)first * _rank);
        nint vRow = _rank * sizeof(float);

        // Ranks are small: what fills no wide vector may still fill a narrow one.
        if (_rank % V.Count == 0) Dots<SingleFormat>.One<V>(u, v, vRow, _rank, products);
        else Dots<SingleFormat>.One<Float4>(u, v, vRow, _rank, products);
        (Float4.Load(sums) + Float4.Load(products)).Store(sums);
    }
}
