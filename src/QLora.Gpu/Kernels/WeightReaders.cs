using ILGPU;

namespace QLora.Gpu.Kernels;

/// <summary>The elements of a weight, row after row, whatever it is stored as.</summary>
internal interface IWeightReader
{
    /// <summary>Element <paramref name="index"/>.</summary>
    float Read(int index);
}

/// <summary>A weight of floating-point elements.</summary>
internal readonly struct DenseReader<T>(ArrayView<T> elements) : IWeightReader where T : unmanaged, IStoredElement
{
    private readonly ArrayView<T> _elements = elements;

    public float Read(int index) => _elements[index].Widen();
}

/// <summary>A weight in blocks of 8 bits (<see cref="Tensors.Q8Block"/>): a half-precision scale, then the codes.</summary>
internal readonly struct Q8Reader(ArrayView<byte> blocks) : IWeightReader
{
    private readonly ArrayView<byte> _blocks = blocks;

    public float Read(int index)
    {
        var block = (index >> 5) * 34;
        var scale = F16.Widen(_blocks[block] | (uint)_blocks[block + 1] << 8);
        return scale * (sbyte)_blocks[block + 2 + (index & 31)];
    }
}
