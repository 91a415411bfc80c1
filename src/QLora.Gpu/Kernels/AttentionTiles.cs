using System.Runtime.CompilerServices;
using ILGPU;

namespace QLora.Gpu.Kernels;

/// <summary>Rows of one head, from a (tokens, heads, headSize) tensor: those of one sequence.</summary>
/// <param name="elements">The tensor.</param>
/// <param name="start">The first element of the first row.</param>
/// <param name="stride">From one row to the next.</param>
/// <param name="count">How many rows.</param>
internal readonly struct HeadRows<T>(ArrayView<T> elements, int start, int stride, int count) where T : unmanaged, IElement<T>
{
    private readonly ArrayView<T> _elements = elements;
    private readonly int _start = start, _stride = stride, _count = count;

    /// <summary>Element d of a row; 0 beyond the last row and beyond the head.</summary>
    public float Read(int row, int d, int headSize) => row < _count && d < headSize ? _elements[_start + row * _stride + d].Widen() : 0;

    /// <summary>Element d of a row, both of which there must be.</summary>
    public float Element(int row, int d) => _elements[_start + row * _stride + d].Widen();

    /// <summary>Writes element d of a row.</summary>
    public void Write(int row, int d, float value) => _elements[_start + row * _stride + d] = T.Round(value);
}

/// <summary>What attention and its gradients are made of: products of tiles of rows, and results of a tile of rows that add up in the group's memory.</summary>
internal static class AttentionTiles
{
    /// <summary>The largest head that the group's memory holds results of.</summary>
    public const int LargestHead = 256;

    /// <summary>Elements of the results of a tile of rows.</summary>
    public const int ResultsLength = Tile.Size * (LargestHead + Tile.Lanes);

    /// <summary>From one row of the results to the next: rows that are written together lie in different banks.</summary>
    public static int Pitch(int headSize) => headSize + Tile.Lanes;

    /// <summary>The products of a tile of rows with another one, along the head.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums Products<T>(HeadRows<T> x, int firstX, HeadRows<T> z, int firstZ, int headSize, ArrayView<float> left, ArrayView<float> right)
        where T : unmanaged, IElement<T>
    {
        var sums = default(Sums);
        for (var d0 = 0; d0 < headSize; d0 += Tile.Size)
        {
            for (var i = Tile.Lane; i < Tile.Size * Tile.Size; i += Tile.Lanes * Tile.Lanes)
            {
                var d = i % Tile.Size;
                var row = i / Tile.Size;
                left[d * Tile.Pitch + row] = x.Read(firstX + row, d0 + d, headSize);
                right[d * Tile.Pitch + row] = z.Read(firstZ + row, d0 + d, headSize);
            }

            Group.Barrier();
            sums = Tile.MultiplyAdd(left, right, Tile.Count(headSize, d0), sums);
            Group.Barrier();
        }

        return sums;
    }

    /// <summary>results[r] += Σ_i weights[i, r] · z[firstZ + i]. The weights may have been written just now.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddProducts<T>(ArrayView<float> weights, HeadRows<T> z, int firstZ, int headSize, ArrayView<float> results, ArrayView<float> right)
        where T : unmanaged, IElement<T>
    {
        for (var d0 = 0; d0 < headSize; d0 += Tile.Size)
        {
            for (var i = Tile.Lane; i < Tile.Size * Tile.Size; i += Tile.Lanes * Tile.Lanes)
            {
                var d = i % Tile.Size;
                var row = i / Tile.Size;
                right[row * Tile.Pitch + d] = z.Read(firstZ + row, d0 + d, headSize);
            }

            Group.Barrier();
            var sums = Tile.MultiplyAdd(weights, right, Tile.Size, default);
            Group.Barrier();
            Add(results, 0, d0, headSize, sums.Row0);
            Add(results, 1, d0, headSize, sums.Row1);
            Add(results, 2, d0, headSize, sums.Row2);
            Add(results, 3, d0, headSize, sums.Row3);
        }
    }

    /// <summary>Results of zero; a barrier must follow before they are added to.</summary>
    public static void Clear(ArrayView<float> results, int headSize)
    {
        for (var row = Group.IdxY; row < Tile.Size; row += Tile.Lanes)
        {
            for (var d = Group.IdxX; d < headSize; d += Tile.Lanes) results[row * Pitch(headSize) + d] = 0;
        }
    }

    /// <summary>results[r] ← results[r] · factors[r], between barriers.</summary>
    public static void Scale(ArrayView<float> results, ArrayView<float> factors, int headSize)
    {
        for (var row = Group.IdxY; row < Tile.Size; row += Tile.Lanes)
        {
            for (var d = Group.IdxX; d < headSize; d += Tile.Lanes) results[row * Pitch(headSize) + d] *= factors[row];
        }
    }

    /// <summary>The first <paramref name="count"/> rows of the results, to where they belong; all must have been added.</summary>
    public static void Write<T>(ArrayView<float> results, HeadRows<T> rows, int first, int count, int headSize) where T : unmanaged, IElement<T>
    {
        for (var row = Group.IdxY; row < count; row += Tile.Lanes)
        {
            for (var d = Group.IdxX; d < headSize; d += Tile.Lanes) rows.Write(first + row, d, results[row * Pitch(headSize) + d]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(ArrayView<float> results, int row, int d0, int headSize, Four sums)
    {
        var start = (4 * Group.IdxY + row) * Pitch(headSize);
        var d = d0 + 4 * Group.IdxX;
        if (d < headSize) results[start + d] += sums.At0;
        if (d + 1 < headSize) results[start + d + 1] += sums.At1;
        if (d + 2 < headSize) results[start + d + 2] += sums.At2;
        if (d + 3 < headSize) results[start + d + 3] += sums.At3;
    }
}
