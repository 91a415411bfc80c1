using System.Numerics;
using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Quantization;

namespace QLora.Cpu.Gemm;

/// <summary>Rows of a 4-bit matrix, dequantised where they are read: element i is table[code i] · scale[i / block size], each product rounded as ever.</summary>
internal readonly unsafe struct QuantizedRows(QuantizedTensor tensor) : IRows
{
    private readonly byte* _codes = tensor.Codes.Pointer<byte>();
    private readonly long _bytes = tensor.Codes.Bytes;
    private readonly CodeTable _table = CodeTable.Of(tensor.Type);
    private readonly QuantizedScales _scales = new(tensor);
    private readonly int _columns = tensor.Shape[1], _blockBits = BitOperations.Log2((uint)tensor.BlockSize);

    /// <summary>The values of the codes.</summary>
    public CodeTable Table => _table;

    /// <summary>Whether rows are whole runs of so many codes, each of which has one scale.</summary>
    /// <param name="codes">A power of two.</param>
    public bool HasScaleOfEach(int codes) => _columns % codes == 0 && 1 << _blockBits >= codes;

    /// <summary>The codes of a row that begins with a byte.</summary>
    public byte* Codes(int row) => _codes + (long)row * _columns / 2;

    /// <summary>Whether so many bytes can be read from a row on.</summary>
    public bool HasBytes(int row, long bytes) => (long)row * _columns / 2 + bytes <= _bytes;

    /// <summary>Copies the codes of a row that begins and ends with a byte.</summary>
    public void CopyCodes(int row, byte* destination) => new ReadOnlySpan<byte>(Codes(row), _columns / 2).CopyTo(new Span<byte>(destination, _columns / 2));

    /// <summary>The scale of every so many codes of some rows, row after row.</summary>
    /// <param name="row">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="codes">How many codes have one: a power of two that divides the row, and no more than a block.</param>
    /// <param name="destination">Takes them.</param>
    /// <returns>How many there are.</returns>
    [MethodImpl(Hot.Loop)]
    public int ReadScales<V>(int row, int rows, int codes, float* destination) where V : unmanaged, IVector<V>
    {
        var (count, first) = (rows * (_columns / codes), (long)row * (_columns / codes));
        var bits = _blockBits - BitOperations.Log2((uint)codes);
        if (bits == 0) _scales.Read<V>(first, count, destination);
        else for (var i = 0; i < count; i++) destination[i] = _scales[(first + i) >> bits];
        return count;
    }

    [MethodImpl(Hot.Loop)]
    public void Read<V>(int row, int first, int count, float* destination) where V : unmanaged, IVector<V>
    {
        var element = (long)row * _columns + first;
        var end = element + count;

        // Vectors that begin at a multiple of their width lie in one block.
        if (1 << _blockBits >= V.Count)
        {
            for (; element < end && element % V.Count != 0; element++) *destination++ = Element(element);
            var codes = _codes;
            var (table, scales, blockBits) = (_table, _scales, _blockBits);
            var block = -1L;
            var scale = default(V);
            for (; element <= end - V.Count; element += V.Count, destination += V.Count)
            {
                if (element >> blockBits != block)
                {
                    block = element >> blockBits;
                    scale = V.Create(scales[block]);
                }

                (V.LookUp(codes + (element >> 1), table) * scale).Store(destination);
            }
        }

        for (; element < end; element++) *destination++ = Element(element);
    }

    [MethodImpl(Hot.Loop)]
    public void ReadRows<V>(int row, int rows, int first, int columns, float* destination, int width, float* scratch) where V : unmanaged, IVector<V>
    {
        if (columns < width || columns % V.Count != 0 || first % V.Count != 0 || 1 << _blockBits < V.Count || _columns % (1 << _blockBits) != 0)
        {
            Panel.ReadRows<V, QuantizedRows>(this, row, rows, first, columns, destination, width);
            return;
        }

        // Every vector lies in one block, and all rows have their blocks in the same places: first the scales, then a vector's width of all rows.
        var (table, scales, firstBlock) = (_table, _scales, first >> _blockBits);
        var (blocks, rowBlocks, rowBytes) = (((first + columns - 1) >> _blockBits) - firstBlock + 1, _columns >> _blockBits, _columns / 2);
        for (var start = 0; start < rows; start += Panel.ScratchSize / blocks)
        {
            var count = Math.Min(Panel.ScratchSize / blocks, rows - start);
            for (var r = 0; r < count; r++)
            {
                var block = (long)(row + start + r) * rowBlocks + firstBlock;
                for (var i = 0; i < blocks; i++) scratch[r * blocks + i] = scales[block + i];
            }

            for (var column = 0; column < columns; column += V.Count)
            {
                var codes = _codes + (nint)(row + start) * rowBytes + (first + column) / 2;
                var scale = scratch + (((first + column) >> _blockBits) - firstBlock);
                var to = destination + (nint)start * width + column;
                for (var r = 0; r < count; r++, codes += rowBytes, scale += blocks, to += width) (V.LookUp(codes, table) * V.Create(*scale)).Store(to);
            }
        }
    }

    [MethodImpl(Hot.Loop)]
    public void ReadTransposed<V>(int row, int first, int count, float* destination, nint width, float* scratch) where V : unmanaged, IVector<V>
    {
        // Runs of 32 elements begin with a byte and lie in one block.
        var runsLieInBlocks = _blockBits >= 5 && _columns % 32 == 0 && first % 32 == 0;
        var whole = runsLieInBlocks ? count / 32 * 32 : 0;
        var element = (long)row * _columns + first;
        var block = -1L;
        for (var i = 0; i < whole; i += 32)
        {
            // All rows come to the end of a block together, except where blocks cross rows.
            if (element >> _blockBits != block || _columns % (1 << _blockBits) != 0)
            {
                block = element >> _blockBits;
                for (var r = 0; r < V.Count; r++) scratch[r] = _scales[(element + (long)r * _columns) >> _blockBits];
            }

            V.LookUpTransposed(_codes + (element >> 1), _columns / 2, scratch, _table, destination, width);
            element += 32;
            destination += 32 * width;
        }

        if (whole < count) Panel.ReadTransposed<V, QuantizedRows>(this, row, V.Count, first + whole, count - whole, destination, width, scratch);
    }

    public void Prefetch(int row, int rows, int first, int count) =>
        Prefetching.Rows(_codes + ((long)row * _columns + first) / 2, _columns / 2, rows, (count + 1) / 2);

    public float* InPlace(int row, int column, out nint stride)
    {
        stride = 0;
        return null;
    }

    private float Element(long element) => _table.Values[_codes[element >> 1] >> ((element & 1) == 0 ? 4 : 0) & 15] * _scales[element >> _blockBits];
}

/// <summary>The scales of a 4-bit tensor, one at a time: as they are stored, or from their 8-bit codes.</summary>
internal readonly unsafe struct QuantizedScales
{
    private readonly float* _scales;
    private readonly byte* _codes;
    private readonly float* _map;
    private readonly float* _nestedScales;
    private readonly float _offset;
    private readonly long _nestedBlockSize;
    private readonly int _nestedBits;

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
        _nestedBits = int.IsPow2(nested.BlockSize) ? BitOperations.Log2((uint)nested.BlockSize) : -1;
    }

    /// <summary>The scale of a block.</summary>
    public float this[long block]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if (_scales != null) return _scales[block];
            return _map[_codes[block]] * _nestedScales[NestedBlock(block)] + _offset;
        }
    }

    /// <summary>The scales of some blocks.</summary>
    [MethodImpl(Hot.Loop)]
    public void Read<V>(long block, int blocks, float* destination) where V : unmanaged, IVector<V>
    {
        if (_scales != null)
        {
            Prefetching.Read((byte*)(_scales + block + blocks), blocks * sizeof(float));
            new ReadOnlySpan<float>(_scales + block, blocks).CopyTo(new Span<float>(destination, blocks));
            return;
        }

        LookUp(_codes + block, blocks, destination);
        for (var end = block + blocks; block < end;)
        {
            var nested = NestedBlock(block);
            var count = (int)(Math.Min(end, (nested + 1) * _nestedBlockSize) - block);
            var (scale, i) = (_nestedScales[nested], 0);
            for (; i <= count - V.Count; i += V.Count) (V.Load(destination + i) * V.Create(scale) + V.Create(_offset)).Store(destination + i);
            for (; i < count; i++) destination[i] = destination[i] * scale + _offset;
            block += count;
            destination += count;
        }
    }

    /// <summary>The values of 8-bit codes, moved as integers, eight in a step. What stands behind the codes is asked for: it is the next to be read.</summary>
    private void LookUp(byte* codes, int count, float* destination)
    {
        Prefetching.Read(codes + count, count);
        var map = (int*)_map;
        var values = (int*)destination;
        var end = codes + count;
        for (; codes <= end - 8; codes += 8, values += 8)
        {
            values[0] = map[codes[0]];
            values[1] = map[codes[1]];
            values[2] = map[codes[2]];
            values[3] = map[codes[3]];
            values[4] = map[codes[4]];
            values[5] = map[codes[5]];
            values[6] = map[codes[6]];
            values[7] = map[codes[7]];
        }

        for (; codes < end; codes++) *values++ = map[*codes];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private long NestedBlock(long block) => _nestedBits >= 0 ? block >> _nestedBits : block / _nestedBlockSize;
}
