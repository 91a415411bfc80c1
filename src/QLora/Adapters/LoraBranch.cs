using QLora.Autograd;

namespace QLora.Adapters;

/// <summary>What an adapter adds to one linear layer: scaling · (dropout(x)·Aᵀ)·Bᵀ.</summary>
/// <param name="a">(r, in) Float32.</param>
/// <param name="b">(out, r) Float32.</param>
/// <param name="scaling">Factor of the branch.</param>
/// <param name="dropout">The share of the input that is dropped in training.</param>
/// <param name="site">The number of the layer among the adapter's, which gives its dropout masks their stream.</param>
public sealed class LoraBranch(Parameter a, Parameter b, float scaling, float dropout, int site) : IDisposable
{
    /// <summary>(r, in) Float32.</summary>
    public Parameter A => a;

    /// <summary>(out, r) Float32.</summary>
    public Parameter B => b;

    /// <summary>The inner size.</summary>
    public int Rank => a.Value.Rows;

    /// <summary>Factor of the branch.</summary>
    public float Scaling => scaling;

    /// <summary>The share of the input that is dropped in training.</summary>
    public float Dropout => dropout;

    /// <summary>The number of the layer among the adapter's.</summary>
    public int Site => site;

    /// <summary>Whether a gradient reaches it.</summary>
    public bool IsTrainable => a.IsTrainable || b.IsTrainable;

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        a.Dispose();
        b.Dispose();
    }
}
