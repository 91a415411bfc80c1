using System.Numerics;

namespace QLora.Cpu.Vectors;

/// <summary>
/// A register of single-precision numbers of one width. Loops are written once, with the width as a type parameter, and compiled for each;
/// the struct vanishes in compilation, and what is left is the hardware's own instruction.
/// </summary>
internal unsafe interface IVector<TSelf> :
    IAdditionOperators<TSelf, TSelf, TSelf>, ISubtractionOperators<TSelf, TSelf, TSelf>,
    IMultiplyOperators<TSelf, TSelf, TSelf>, IDivisionOperators<TSelf, TSelf, TSelf>
    where TSelf : unmanaged, IVector<TSelf>
{
    /// <summary>How many numbers it holds.</summary>
    static abstract int Count { get; }

    /// <summary>Reads <see cref="Count"/> numbers; no alignment is needed.</summary>
    static abstract TSelf Load(float* source);

    /// <summary>Writes <see cref="Count"/> numbers.</summary>
    void Store(float* destination);

    /// <summary>The same number in every place.</summary>
    static abstract TSelf Create(float value);

    /// <summary>x · y + z with one rounding.</summary>
    static abstract TSelf FusedMultiplyAdd(TSelf x, TSelf y, TSelf z);

    /// <summary>The larger of each pair; NaN where either is.</summary>
    static abstract TSelf Max(TSelf x, TSelf y);

    /// <summary>The root of each.</summary>
    static abstract TSelf Sqrt(TSelf x);

    /// <summary>The nearest integer of each, as a number.</summary>
    static abstract TSelf Round(TSelf x);

    /// <summary>x · 2ⁿ, for whole numbers n from −125 to 128 and a product that is neither too small nor too large to be a normal number; for others, any number.</summary>
    static abstract TSelf Scale(TSelf x, TSelf n);

    /// <summary><paramref name="chosen"/> where x &lt; limit, else <paramref name="otherwise"/>; NaN is not less.</summary>
    static abstract TSelf WhereLess(TSelf x, TSelf limit, TSelf chosen, TSelf otherwise);

    /// <summary>
    /// The values where the words of the stream that <see cref="QLora.Backends.Philox"/> makes, from word <paramref name="index"/> on, are at
    /// least the threshold, else 0. Of real vectors the index is a multiple of their two widths.
    /// </summary>
    static abstract (TSelf First, TSelf Second) WhereKept(ulong seed, ulong stream, ulong index, uint threshold, TSelf first, TSelf second);

    /// <summary>The sum of all places, in an order that is always the same.</summary>
    static abstract float Sum(TSelf x);

    /// <summary>The sums of all places of four vectors, in an order that is always the same.</summary>
    static abstract Float4 Sums(TSelf x, TSelf y, TSelf z, TSelf w);

    /// <summary>The largest of all places; NaN when one is.</summary>
    static abstract float MaxAcross(TSelf x);

    /// <summary>The sum of the squares of all places, in double precision.</summary>
    static abstract double SumOfSquares(TSelf x);

    /// <summary>Numbers of half the width, which are the upper halves of singles.</summary>
    static abstract TSelf LoadBFloat16(ushort* source);

    /// <summary>Writes <see cref="Count"/> numbers of half the width, rounded to the nearest, of two that are as near to the even one; NaN stays NaN.</summary>
    void StoreBFloat16(ushort* destination);

    /// <summary>Numbers of IEEE half precision, every one of which is a single.</summary>
    static abstract TSelf LoadFloat16(ushort* source);

    /// <summary>8-bit integers as numbers.</summary>
    static abstract TSelf LoadSByte(sbyte* source);

    /// <summary>The values of <see cref="Count"/> 4-bit codes, two a byte, the first in the high half.</summary>
    /// <param name="codes">The first byte; of half of <see cref="Count"/> bytes, rounded up.</param>
    /// <param name="table">Of the code.</param>
    static abstract TSelf LookUp(byte* codes, in CodeTable table);

    /// <summary>Stores a square of <see cref="Count"/> numbers each way with its axes exchanged.</summary>
    static abstract void Transpose(float* source, nint sourceRow, float* destination, nint destinationRow);

    /// <summary>
    /// The values of 32 4-bit codes each of <see cref="Count"/> rows, each row with its scale, stored as columns:
    /// destination[k · destinationRow + row] ← table[code k of the row] · scales[row].
    /// </summary>
    static abstract void LookUpTransposed(byte* codes, nint rowBytes, float* scales, in CodeTable table, float* destination, nint destinationRow);

    /// <summary>
    /// 16 8-bit integers each of <see cref="Count"/> rows, each row with its scale, stored as columns:
    /// destination[k · destinationRow + row] ← codes[row · rowBytes + k] · scales[row].
    /// </summary>
    static virtual void ScaleTransposed(sbyte* codes, nint rowBytes, float* scales, float* destination, nint destinationRow)
    {
        var square = stackalloc float[TSelf.Count * TSelf.Count];
        var factors = TSelf.Load(scales);
        for (var k = 0; k < 16; k += TSelf.Count, destination += TSelf.Count * destinationRow)
        {
            for (var row = 0; row < TSelf.Count; row++) TSelf.LoadSByte(codes + row * rowBytes + k).Store(square + row * TSelf.Count);
            TSelf.Transpose(square, TSelf.Count, destination, destinationRow);
            for (var row = 0; row < TSelf.Count; row++) (TSelf.Load(destination + row * destinationRow) * factors).Store(destination + row * destinationRow);
        }
    }
}
