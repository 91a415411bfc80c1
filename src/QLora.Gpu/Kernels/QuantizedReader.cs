using ILGPU;

namespace QLora.Gpu.Kernels;

/// <summary>The scales of a 4-bit weight, by block.</summary>
internal interface IScales
{
    /// <summary>The scale of a block.</summary>
    float Read(int block);
}

/// <summary>Scales in single precision.</summary>
internal readonly struct PlainScales(ArrayView<float> scales) : IScales
{
    private readonly ArrayView<float> _scales = scales;

    public float Read(int block) => _scales[block];
}

/// <summary>Scales in 8 bits, with scales and an offset of their own (<see cref="Quantization.DoubleQuantizedScales"/>).</summary>
/// <param name="codes">Places in the map, one for each block of the weight.</param>
/// <param name="map">What the 256 codes stand for.</param>
/// <param name="scales">The scale of each block of scales.</param>
/// <param name="offset">Added to each scale.</param>
/// <param name="blockShift">The binary logarithm of the scales of a block.</param>
internal readonly struct NestedScales(ArrayView<byte> codes, ArrayView<float> map, ArrayView<float> scales, float offset, int blockShift) : IScales
{
    private readonly ArrayView<byte> _codes = codes;
    private readonly ArrayView<float> _map = map;
    private readonly ArrayView<float> _scales = scales;
    private readonly float _offset = offset;
    private readonly int _blockShift = blockShift;

    // A device's compiler may fuse a product with the sum that follows, and the scale would be another one than bitsandbytes'. It may as well fuse this one, which
    // it does not know to be 1: the product before it is rounded all the same.
    private readonly float _one = 1;

    public float Read(int block) => _map[(int)_codes[block]] * _scales[block >> _blockShift] * _one + _offset;
}

/// <summary>A weight in 4 bits (<see cref="Quantization.QuantizedTensor"/>), decoded one element at a time.</summary>
/// <param name="codes">Two codes a byte, the even element in the high nibble.</param>
/// <param name="codebook">What the sixteen codes stand for.</param>
/// <param name="scales">The scale of each block.</param>
/// <param name="blockShift">The binary logarithm of the elements of a block.</param>
internal readonly struct QuantizedReader<TScales>(ArrayView<byte> codes, ArrayView<float> codebook, TScales scales, int blockShift) : IWeightReader
    where TScales : struct, IScales
{
    private readonly ArrayView<byte> _codes = codes;
    private readonly ArrayView<float> _codebook = codebook;
    private readonly TScales _scales = scales;
    private readonly int _blockShift = blockShift;

    public float Read(int index) => _codebook[(_codes[index >> 1] >> ((~index & 1) << 2)) & 15] * _scales.Read(index >> _blockShift);
}
