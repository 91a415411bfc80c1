using QLora.Tensors;

namespace QLora.Backends.Reference;

/// <summary>The elements of Float32 or BFloat16 activations, widened as they are read and rounded as they are written.</summary>
internal readonly ref struct ActivationSpan
{
    private readonly Span<float> _singles;
    private readonly Span<ushort> _halves;

    public ActivationSpan(Tensor tensor)
    {
        Length = checked((int)tensor.Count);
        if (tensor.DType == DType.BFloat16) _halves = tensor.Span<ushort>();
        else _singles = tensor.Span<float>();
    }

    private ActivationSpan(Span<float> singles, Span<ushort> halves, int length)
    {
        _singles = singles;
        _halves = halves;
        Length = length;
    }

    public int Length { get; }

    public float this[int i]
    {
        get => _halves.IsEmpty ? _singles[i] : BFloat16.Widen(_halves[i]);
        set
        {
            if (_halves.IsEmpty) _singles[i] = value;
            else _halves[i] = BFloat16.Round(value);
        }
    }

    public ActivationSpan Slice(int start, int length) => _halves.IsEmpty
        ? new(_singles.Slice(start, length), [], length)
        : new([], _halves.Slice(start, length), length);
}
