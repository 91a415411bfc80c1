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

    /// <summary>Packs keys from <paramref name="start"/> on as panels, and zeros up to a whole <see cref="Block"/>.</summary>
    [MethodImpl(Hot.Loop)]
    public static void Panels<V, TFormat>(byte* source, nint stride, int start, int keys, int headSize, float* panels)
        where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        var width = 2 * V.Count;
        var square = stackalloc float[V.Count * V.Count];
        for (var first = start; first < PaddedKeys(keys); first += width)
        {
            var panel = panels + (nint)first * headSize;
            if (first + width <= keys && headSize % V.Count == 0)
            {
                for (var k = 0; k < headSize; k += V.Count)
                {
                    Transpose<V, TFormat>(source, first * stride + k, stride, panel + (nint)k * width, width, square);
                    Transpose<V, TFormat>(source, (first + V.Count) * stride + k, stride, panel + (nint)k * width + V.Count, width, square);
                }

                continue;
            }

            for (var j = 0; j < width; j++)
            {
                var key = (first + j) * stride;
                for (var k = 0; k < headSize; k++)
                {
                    var number = first + j < keys ? TFormat.Load<Float1>(source, key + k) : default;
                    number.Store(panel + k * width + j);
                }
            }
        }
    }

    /// <summary>Packs keys from <paramref name="start"/> on as rows, and zeros up to a whole <see cref="Block"/>.</summary>
    [MethodImpl(Hot.Loop)]
    public static void Rows<V, TFormat>(byte* source, nint stride, int start, int keys, int headSize, float* rows)
        where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        var size = PaddedSize(headSize);
        for (var key = start; key < PaddedKeys(keys); key++)
        {
            var row = rows + (nint)key * size;
            var count = key < keys ? headSize : 0;
            VectorMath.Scale<V, TFormat, SingleFormat>(source + key * stride * TFormat.Size, (byte*)row, count);
            new Span<float>(row + count, size - count).Clear();
        }
    }

    /// <summary>A square of a vector's numbers each way, its axes exchanged; what is in single precision already is taken where it lies.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose<V, TFormat>(byte* source, nint first, nint stride, float* destination, nint width, float* square)
        where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        if (typeof(TFormat) == typeof(SingleFormat))
        {
            V.Transpose((float*)source + first, stride, destination, width);
            return;
        }

        for (var row = 0; row < V.Count; row++) TFormat.Load<V>(source, first + row * stride).Store(square + row * V.Count);
        V.Transpose(square, V.Count, destination, width);
    }
}
