using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>y ← y + alpha · x.</summary>
    /// <param name="x">Activations of any shape.</param>
    /// <param name="y">Activations of the same shape.</param>
    /// <param name="alpha">Factor of x.</param>
    public void Add(Tensor x, Tensor y, float alpha = 1)
    {
        Check.Activations(nameof(Add), nameof(x), x);
        Check.SameAs(nameof(Add), nameof(y), y, x);
        AddCore(x, y, alpha);
    }

    /// <summary>x ← factor · x.</summary>
    /// <param name="x">Activations of any shape.</param>
    /// <param name="factor">The factor.</param>
    public void Scale(Tensor x, float factor)
    {
        Check.Activations(nameof(Scale), nameof(x), x);
        ScaleCore(x, factor);
    }

    /// <summary>y[t] ← y[t] + bias, for every row t.</summary>
    /// <param name="bias">(size) Float32.</param>
    /// <param name="y">(tokens, size) activations.</param>
    public void AddBias(Tensor bias, Tensor y)
    {
        Check.ActivationMatrix(nameof(AddBias), nameof(y), y);
        Check.Is(nameof(AddBias), nameof(bias), bias, DType.Float32, y.Columns);
        AddBiasCore(bias, y);
    }

    /// <summary>dBias ← dBias + Σ_rows dy, the gradient of <see cref="AddBias"/>.</summary>
    /// <param name="dy">(tokens, size) activations.</param>
    /// <param name="dBias">(size) Float32.</param>
    public void AddBiasBackward(Tensor dy, Tensor dBias)
    {
        Check.ActivationMatrix(nameof(AddBiasBackward), nameof(dy), dy);
        Check.Is(nameof(AddBiasBackward), nameof(dBias), dBias, DType.Float32, dy.Columns);
        AddBiasBackwardCore(dy, dBias);
    }

    /// <summary>Backend part of <see cref="Add"/>; shapes are checked.</summary>
    protected abstract void AddCore(Tensor x, Tensor y, float alpha);

    /// <summary>Backend part of <see cref="Scale"/>; shapes are checked.</summary>
    protected abstract void ScaleCore(Tensor x, float factor);

    /// <summary>Backend part of <see cref="AddBias"/>; shapes are checked.</summary>
    protected abstract void AddBiasCore(Tensor bias, Tensor y);

    /// <summary>Backend part of <see cref="AddBiasBackward"/>; shapes are checked.</summary>
    protected abstract void AddBiasBackwardCore(Tensor dy, Tensor dBias);
}
