using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu.Gemm;

/// <summary>Rows of a matrix in blocks of 8-bit integers with a scale.</summary>
internal readonly unsafe struct Q8Rows(Q8Block* blocks, int columns) : IRows
{
    private int Columns => columns;

    [MethodImpl(Hot.Loop)]
    public void Read<V>(int row, int first, int count, float* destination) where V : unmanaged, IVector<V>
    {
        var block = blocks + (nint)row * (columns / Q8Block.Count) + first / Q8Block.Count;
        for (var (i, code) = (0, first % Q8Block.Count); i < count; block++, code = 0)
        {
            var scale = Scale(block);
            var codes = block->Codes + code - i;
            var end = Math.Min(count, i + Q8Block.Count - code);
            for (; i <= end - V.Count; i += V.Count) (V.LoadSByte(codes + i) * V.Create(scale)).Store(destination + i);
            for (; i < end; i++) destination[i] = codes[i] * scale;
        }
    }

    /// <summary>The scale of a block in a few instructions: its exponent and fraction in the places of a single's make a number 2¹¹² times too small. It is finite.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Scale(Q8Block* block) => BitConverter.Int32BitsToSingle((*(short*)&block->Scale << 13) & unchecked((int)0x8FFF_E000)) * 5.192296858534828e33f;

    [MethodImpl(Hot.Loop)]
    public void ReadRows<V>(int row, int rows, int first, int columns, float* destination, int width, float* scratch) where V : unmanaged, IVector<V>
    {
        if (columns < width || columns % V.Count != 0 || first % V.Count != 0)
        {
            Panel.ReadRows<V, Q8Rows>(this, row, rows, first, columns, destination, width);
            return;
        }

        // Every vector lies in one block.
        var rowBlocks = Columns / Q8Block.Count;
        for (var column = 0; column < columns; column += V.Count)
        {
            var block = blocks + (nint)row * rowBlocks + (first + column) / Q8Block.Count;
            var code = (first + column) % Q8Block.Count;
            var to = destination + column;
            for (var r = 0; r < rows; r++, block += rowBlocks, to += width) (V.LoadSByte(block->Codes + code) * V.Create(Scale(block))).Store(to);
        }
    }

    [MethodImpl(Hot.Loop)]
    public void ReadTransposed<V>(int row, int first, int count, float* destination, nint width, float* scratch) where V : unmanaged, IVector<V>
    {
        var rowBlocks = Columns / Q8Block.Count;
        var whole = first % Q8Block.Count == 0 ? count / Q8Block.Count * Q8Block.Count : 0;
        var block = blocks + (nint)row * rowBlocks + first / Q8Block.Count;
        for (var i = 0; i < whole; i += Q8Block.Count, block++, destination += Q8Block.Count * width)
        {
            for (var r = 0; r < V.Count; r++) scratch[r] = Scale(block + (nint)r * rowBlocks);
            for (var half = 0; half < Q8Block.Count; half += 16)
            {
                V.ScaleTransposed(block->Codes + half, (nint)rowBlocks * sizeof(Q8Block), scratch, destination + half * width, width);
            }
        }

        if (whole < count) Panel.ReadTransposed<V, Q8Rows>(this, row, V.Count, first + whole, count - whole, destination, width, scratch);
    }

    public void Prefetch(int row, int rows, int first, int count)
    {
        var rowBlocks = Columns / Q8Block.Count;
        var start = blocks + (nint)row * rowBlocks + first / Q8Block.Count;
        Prefetching.Rows((byte*)start, (nint)rowBlocks * sizeof(Q8Block), rows, (nint)(first % Q8Block.Count + count + Q8Block.Count - 1) / Q8Block.Count * sizeof(Q8Block));
    }

    public float* InPlace(int row, int column, out nint stride)
    {
        stride = 0;
        return null;
    }
}
