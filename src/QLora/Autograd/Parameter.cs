using QLora.Backends;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>A tensor of the model that may be trained: frozen until it is given a gradient.</summary>
/// <param name="name">Its name as a checkpoint or PEFT writes it.</param>
/// <param name="value">Its values.</param>
public sealed class Parameter(string name, Tensor value) : IDisposable
{
    /// <summary>Its name as a checkpoint or PEFT writes it.</summary>
    public string Name { get; } = name;

    /// <summary>Its values.</summary>
    public Tensor Value { get; private set; } = value;

    /// <summary>The sum of gradients since the last step, of the shape of <see cref="Value"/>; null while it is frozen.</summary>
    public Tensor? Gradient { get; private set; }

    /// <summary>Whether it is trained.</summary>
    public bool IsTrainable => Gradient is not null;

    /// <summary>Makes it trainable, with a gradient of zeros; values in another format are widened to Float32 first. A second call does nothing.</summary>
    public void Train(Backend backend)
    {
        if (Value.DType != DType.Float32)
        {
            var stored = Value;
            Value = backend.ToFloat32(stored);
            stored.Dispose();
        }

        Gradient ??= backend.AllocateZeros(Value.Shape);
    }

    /// <summary>Freezes it and gives its gradient back.</summary>
    public void Freeze()
    {
        Gradient?.Dispose();
        Gradient = null;
    }

    /// <summary>Gives value and gradient back.</summary>
    public void Dispose()
    {
        Freeze();
        Value.Dispose();
    }
}
