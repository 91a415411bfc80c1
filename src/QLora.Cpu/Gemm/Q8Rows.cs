using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu.Gemm;

/// <summary>Rows of a matrix in blocks of 8-bit integers with a scale.</summary>
internal readonly unsafe struct Q8Rows(Q8Block* blocks, int columns) : IRows
{
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

    public void ReadRows<V>(int row, int rows, int first, int columns, float* destination, int width, float* scratch) where V : unmanaged, IVector<V> =>
        Panel.ReadRows<V, Q8Rows>(this, row, rows, first, columns, destination, width);

    public void ReadTransposed<V>(int row, int first, int count, float* destination, nint width, float* scratch) where V : unmanaged, IVector<V> =>
        Panel.ReadTransposed<V, Q8Rows>(this, row, V.Count, first, count, destination, width, scratch);

    public float* InPlace(int row, int column, out nint stride)
    {
        stride = 0;
        return null;
    }
}
