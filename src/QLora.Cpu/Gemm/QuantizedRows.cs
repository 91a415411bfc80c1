using System.Numerics;
using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Quantization;

namespace QLora.Cpu.Gemm;

/// <summary>Rows of a 4-bit matrix, dequantised where they are read: element i is table[code i] · scale[i / block size], each product rounded as ever.</summary>
internal readonly unsafe struct QuantizedRows(QuantizedTensor tensor) : IRows
{
    private readonly byte* _codes = tensor.Codes.Pointer<byte>();
    private readonly CodeTable _table = CodeTable.Of(tensor.Type);
    private readonly QuantizedScales _scales = new(tensor);
    private readonly int _columns = tensor.Shape[1], _blockBits = BitOperations.Log2((uint)tensor.BlockSize);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Read<V>(int row, int first, int count, float* destination) where V : unmanaged, IVector<V>
    {
        var element = (long)row * _columns + first;
        while (count > 0)
        {
            var block = element >> _blockBits;
            var run = (int)Math.Min(count, ((block + 1) << _blockBits) - element);
            ReadRun<V>(element, run, _scales[block], destination);
            element += run;
            destination += run;
            count -= run;
        }
    }

    /// <summary>Elements of one block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void ReadRun<V>(long element, int count, float scale, float* destination) where V : unmanaged, IVector<V>
    {
        var codes = _codes + (element >> 1);
        var i = 0;
        if ((element & 1) != 0)
        {
            *destination = _table.Values[*codes++ & 15] * scale;
            i++;
        }

        for (; i <= count - V.Count; i += V.Count, codes += V.Count / 2) (V.LookUp(codes, _table) * V.Create(scale)).Store(destination + i);
        for (; i < count - 1; i += 2, codes++)
        {
            destination[i] = _table.Values[*codes >> 4] * scale;
            destination[i + 1] = _table.Values[*codes & 15] * scale;
        }

        if (i < count) destination[i] = _table.Values[*codes >> 4] * scale;
    }
}

/// <summary>The scales of a 4-bit tensor, one at a time: as they are stored, or from their 8-bit codes.</summary>
internal readonly unsafe struct QuantizedScales
{
    private readonly float* _scales;
    private readonly byte* _codes;
    private readonly float* _map;
    private readonly float* _nestedScales;
    private readonly float _offset;
    private readonly int _nestedBlockSize;

    public QuantizedScales(QuantizedTensor tensor)
    {
        if (tensor.Nested is not { } nested)
        {
            _scales = tensor.AbsMax.Pointer<float>();
            return;
        }

        _codes = tensor.AbsMax.Pointer<byte>();
        _map = nested.Code.Pointer<float>();
        _nestedScales = nested.AbsMax.Pointer<float>();
        (_offset, _nestedBlockSize) = (nested.Offset, nested.BlockSize);
    }

    /// <summary>The scale of a block.</summary>
    public float this[long block]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _scales != null ? _scales[block] : _map[_codes[block]] * _nestedScales[block / _nestedBlockSize] + _offset;
    }
}
