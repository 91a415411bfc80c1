using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace QLora.Cpu.Gemm;

/// <summary>
/// Rows that are read four at a time, from the first to the last: short as they are, the processor does not read ahead of four of them far enough. What is asked for ahead of
/// them is one stretch of memory, and may lie beyond its end. It comes by way of all caches, though it is read once a pass: past the second one, a
/// Xeon reads half as fast as its memory allows.
/// </summary>
internal static unsafe class Prefetching
{
    /// <summary>How many bytes ahead, where rows lie <paramref name="rowBytes"/> apart: the four after the next.</summary>
    public static nint Distance(nint rowBytes) => 8 * rowBytes;

    /// <summary>Asks for the lines of a piece.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Read(byte* start, int bytes)
    {
        if (!Sse.IsSupported) return;
        for (var line = 0; line < bytes; line += 64) Sse.Prefetch0(start + line);
    }

    /// <summary>Asks for so many bytes of each of some rows, to be in the second cache when their panel has its turn.</summary>
    public static void Rows(byte* start, nint rowBytes, int rows, nint bytes)
    {
        if (!Sse.IsSupported) return;
        if (bytes == rowBytes) (rows, bytes) = (1, rows * rowBytes);
        for (var row = 0; row < rows; row++, start += rowBytes)
        {
            for (var line = start; line < start + bytes; line += 64) Sse.Prefetch1(line);
        }
    }
}
