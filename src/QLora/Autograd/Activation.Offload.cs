using QLora.Tensors;

namespace QLora.Autograd;

// A value that is in the host's memory for a while. It comes back when it is asked for.
public sealed partial class Activation
{
    private Tensor? _pinned; // the value, in the host's memory
    private Transfer _transfer;

    private enum Transfer
    {
        None,
        Leaving,
        Returning,
    }

    /// <summary>Begins to copy the value to the host, beside the ops that read it.</summary>
    internal void StartOffload()
    {
        var value = Value;
        _pinned = _backend.AllocatePinned(Shape, DType);
        _transfer = Transfer.Leaving;
        _backend.Offload(value, _pinned.Value);
    }

    /// <summary>Gives the device's memory back: the ops that follow may have it when the copy is done.</summary>
    internal void FinishOffload()
    {
        AwaitTransfer();
        if (_ownsValue) _value?.Dispose();
        _value = null;
    }

    /// <summary>Begins to bring an offloaded value back, beside the ops until it is asked for.</summary>
    internal void Prefetch()
    {
        if (_pinned is not { } pinned || _value is not null) return;
        (_value, _ownsValue) = (_backend.Allocate(Shape, DType), true);
        _transfer = Transfer.Returning;
        _backend.Fetch(pinned, _value.Value);
        ReleasePinned();
    }

    private void AwaitTransfer()
    {
        if (_transfer != Transfer.None) _backend.AwaitCopies();
        _transfer = Transfer.None;
    }

    private void ReleasePinned()
    {
        _pinned?.Dispose();
        _pinned = null;
    }
}
