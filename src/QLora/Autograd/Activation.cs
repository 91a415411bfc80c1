using System.Diagnostics;
using QLora.Backends;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>
/// A tensor that a forward pass made, and its gradient while the backward pass needs one. Whoever reads <see cref="Value"/> need not know whether it was kept:
/// what is cheap to compute again is dropped at the end of its block and comes back when it is asked for, and what may never be read is only computed then. It is of no use
/// after its pass.
/// </summary>
public sealed partial class Activation
{
    private readonly Backend _backend;
    private Tensor? _value;
    private Tensor? _gradient;
    private bool _ownsValue;
    private bool _ownsGradient;
    private bool _isDeferred; // until the value is asked for, its producer has not run

    internal Activation(Backend backend) => _backend = backend;

    /// <summary>Makes it the one of a value, whatever it was in a pass before.</summary>
    internal Activation Of(Tensor value, bool ownsValue, bool needsGradient)
    {
        (_value, _ownsValue, _isDeferred) = (value, ownsValue, false);
        return Of(value.Shape, value.DType, needsGradient);
    }

    /// <summary>Makes it one whose producer runs when its value is asked for, if it is.</summary>
    internal Activation OfDeferred(Shape shape, DType dtype, bool needsGradient)
    {
        (_value, _ownsValue, _isDeferred) = (null, false, true);
        return Of(shape, dtype, needsGradient);
    }

    private Activation Of(Shape shape, DType dtype, bool needsGradient)
    {
        (_gradient, _ownsGradient) = (null, false);
        (Shape, DType, NeedsGradient, Producer) = (shape, dtype, needsGradient, null);
        return this;
    }

    /// <summary>Its shape, outermost first: (tokens, features) unless an op says otherwise.</summary>
    public Shape Shape { get; private set; }

    /// <summary>The type of its elements, and of its gradient's.</summary>
    public DType DType { get; private set; }

    /// <summary>Its elements.</summary>
    /// <exception cref="InvalidOperationException">It was released or moved into the result of an in-place op.</exception>
    public Tensor Value
    {
        get
        {
            Prefetch();
            if (_transfer == Transfer.Returning) AwaitTransfer();
            if (_isDeferred)
            {
                _isDeferred = false;
                _value = Producer!.Forward().TakeValue(out _ownsValue);
            }

            if (_value is null && Producer is { CanRecompute: true } producer)
            {
                _value = _backend.Allocate(Shape, DType);
                _ownsValue = true;
                producer.Compute(_value.Value);
            }

            return _value ?? throw new InvalidOperationException($"the activation {Shape} was released");
        }
    }

    /// <summary>Whether anything trainable lies upstream of it.</summary>
    internal bool NeedsGradient { get; private set; }

    /// <summary>The op that made it; null for inputs and where nothing is recorded.</summary>
    internal Node? Producer { get; set; }

    /// <summary>The gradient of the loss with respect to it, once an op downstream has contributed.</summary>
    internal Tensor? Gradient => _gradient;

    /// <summary>Where an op adds its contribution to the gradient; on the first call (<paramref name="accumulate"/> false) the content is undefined and must be overwritten.</summary>
    internal Tensor GradientToWrite(out bool accumulate)
    {
        accumulate = _gradient is not null;
        if (_gradient is null)
        {
            _gradient = _backend.Allocate(Shape, DType);
            _ownsGradient = true;
        }

        return _gradient.Value;
    }

    /// <summary>Contributes a whole gradient tensor without copying it when it is the first.</summary>
    /// <param name="gradient">Of this shape, or of the same count.</param>
    /// <param name="owned">Whether it is given away; otherwise somebody else gives it back, not before this activation's producer has run backwards.</param>
    internal void ContributeGradient(Tensor gradient, bool owned)
    {
        gradient = gradient with { Shape = Shape };
        if (_gradient is { } existing)
        {
            _backend.Add(gradient, existing);
            if (owned) gradient.Dispose();
        }
        else
        {
            (_gradient, _ownsGradient) = (gradient, owned);
        }
    }

    /// <summary>Gives the gradient to the caller, with or without its ownership as it was held here.</summary>
    internal (Tensor Gradient, bool Owned) TakeGradient()
    {
        var taken = (_gradient ?? throw new UnreachableException("no gradient reached the activation"), _ownsGradient);
        _gradient = null;
        return taken;
    }

    /// <summary>Gives the buffer to the result of an in-place op. This activation has no value any more, unless its producer reads it when it runs backwards: then a copy is given.</summary>
    internal Tensor TakeValue(out bool owned)
    {
        var taken = Value;
        if (Producer is { ReadsOutput: true })
        {
            owned = true;
            var copy = _backend.Allocate(Shape, DType);
            _backend.Copy(taken, copy);
            return copy;
        }

        owned = _ownsValue;
        _value = null;
        return taken;
    }

    internal void ReleaseValue()
    {
        AwaitTransfer();
        ReleasePinned();
        if (_ownsValue) _value?.Dispose();
        (_value, _isDeferred) = (null, false);
    }

    internal void ReleaseGradient()
    {
        if (_ownsGradient) _gradient?.Dispose();
        _gradient = null;
    }
}
