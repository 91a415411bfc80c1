using QLora.Cpu.MachineCode;

namespace QLora.Cpu.Gemm.BFloat16;

/// <summary>The machine code of a tile, the function <c>(pairs, left, right, sums)</c>; what it computes is said at <see cref="PairTile.Multiply"/>.</summary>
internal static class PairTileCode
{
    private const int VectorBytes = 64, PairBytes = 4, Registers = 32;

    /// <summary>The code of a tile of rows by vectors. All sums are in registers, then come the vectors of a pair, and what is left takes rows in turn.</summary>
    public static byte[] Of(int rows, int vectors, PairTileLayout layout, CallConvention convention)
    {
        var (pairs, left, right, sums) = (convention.Arguments[0], convention.Arguments[1], convention.Arguments[2], convention.Arguments[3]);
        var firstRight = rows * vectors;
        var firstLeft = firstRight + vectors;
        var code = new Assembler();
        convention.Enter(code);
        for (var sum = 0; sum < rows * vectors; sum++)
        {
            if (layout.Accumulates) code.Load(sum, sums, OffsetOf(sum));
            else code.Clear(sum);
        }

        var loop = code.Position;
        for (var v = 0; v < vectors; v++) code.Load(firstRight + v, right, VectorBytes * v);
        for (var r = 0; r < rows; r++)
        {
            var row = firstLeft + r % (Registers - firstLeft);
            code.Broadcast(row, left, PairBytes * layout.LeftRow * r);
            for (var v = 0; v < vectors; v++) code.AddPairProducts(r * vectors + v, firstRight + v, row);
        }

        code.Add(left, PairBytes * layout.LeftPair);
        code.Add(right, PairBytes * layout.RightPair);
        code.Subtract(pairs, 1);
        code.JumpBackIfNotZero(loop);
        for (var sum = 0; sum < rows * vectors; sum++)
        {
            if (layout.Rounds)
            {
                code.RoundToBFloat16(sum, sum);
                code.StoreHalf(sum, sums, OffsetOf(sum) / 2);
            }
            else
            {
                code.Store(sum, sums, OffsetOf(sum));
            }
        }

        convention.Leave(code);
        return code.ToArray();

        int OffsetOf(int sum) => sizeof(float) * layout.SumsRow * (sum / vectors) + VectorBytes * (sum % vectors);
    }
}

/// <summary>How the operands of a tile lie in memory, in pairs of the left and right matrix and in numbers of the result.</summary>
/// <param name="LeftRow">From one row of the left matrix to the next.</param>
/// <param name="LeftPair">From a pair of the left matrix to the next one of its row.</param>
/// <param name="RightPair">From a pair of the right matrix to the next one of its column.</param>
/// <param name="SumsRow">From one row of the result to the next.</param>
/// <param name="Accumulates">Whether sums are added to what is there.</param>
/// <param name="Rounds">Whether sums are stored as BFloat16 numbers.</param>
internal readonly record struct PairTileLayout(int LeftRow, int LeftPair, int RightPair, int SumsRow, bool Accumulates = false, bool Rounds = false)
{
    /// <summary>All operands packed for a tile of rows by so many columns.</summary>
    public static PairTileLayout Packed(int rows, int width) => new(1, rows, width, width);
}
