using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Attention;

/// <summary>Where the packed keys or values of one segment and key head lie, and how they get there.</summary>
/// <remarks>
/// Two forms of a (keys, headSize) matrix, both padded with zeros: <em>panels</em>, its transpose cut into panels two vectors wide, in which
/// number (k, j) of the transpose is at <c>(j / width) · headSize · width + k · width + j % width</c>; and <em>rows</em>, rows of a whole number
/// of panels' widths.
/// </remarks>
internal static unsafe class KeyPack
{
    /// <summary>Keys that are worked on at once; a multiple of every tile's rows and columns, at any vector width.</summary>
    public const int Block = 96;

    /// <summary>Keys with padding.</summary>
    public static int PaddedKeys(int keys) => (keys + Block - 1) / Block * Block;

    /// <summary>The head size with padding, at any vector width: a multiple of two of the widest vectors.</summary>
    public static int PaddedSize(int headSize) => (headSize + 31) / 32 * 32;

    /// <summary>Packs keys start to start + <see cref="Block"/> (fewer at the end) as panels.</summary>
    [MethodImpl(Hot.Loop)]
    public static void Panels<V>(float* source, nint stride, int start, int keys, int headSize, float* panels) where V : unmanaged, IVector<V>
    {
        var width = 2 * V.Count;
        for (var first = start; first < Math.Min(start + Block, PaddedKeys(keys)); first += width)
        {
            var panel = panels + (nint)first * headSize;
            if (first + width <= keys && headSize % V.Count == 0)
            {
                var key = source + first * stride;
                for (var k = 0; k < headSize; k += V.Count)
                {
                    V.Transpose(key + k, stride, panel + (nint)k * width, width);
                    V.Transpose(key + V.Count * stride + k, stride, panel + (nint)k * width + V.Count, width);
                }

                continue;
            }

            for (var j = 0; j < width; j++)
            {
                var key = source + (first + j) * stride;
                if (first + j < keys)
                {
                    for (var k = 0; k < headSize; k++) panel[k * width + j] = key[k];
                }
                else
                {
                    for (var k = 0; k < headSize; k++) panel[k * width + j] = 0;
                }
            }
        }
    }

    /// <summary>Packs keys start to start + <see cref="Block"/> (fewer at the end) as rows.</summary>
    [MethodImpl(Hot.Loop)]
    public static void Rows(float* source, nint stride, int start, int keys, int headSize, float* rows)
    {
        var size = PaddedSize(headSize);
        for (var key = start; key < start + Block; key++)
        {
            var row = new Span<float>(rows + (nint)key * size, size);
            if (key < keys) new ReadOnlySpan<float>(source + key * stride, headSize).CopyTo(row);
            row[(key < keys ? headSize : 0)..].Clear();
        }
    }
}
