using QLora.Cpu.MachineCode;

namespace QLora.Cpu.Gemm.BFloat16;

/// <summary>The machine code of a tile, the function <c>(pairs, left, right, sums)</c>; what it computes is said at <see cref="PairTile.Multiply"/>.</summary>
internal static class PairTileCode
{
    private const int VectorBytes = 64, PairBytes = 4, Registers = 32;

    /// <summary>The code of a tile of rows by vectors. All sums are in registers, then come the vectors of a pair, and what is left takes rows in turn.</summary>
    public static byte[] Of(int rows, int vectors, CallConvention convention)
    {
        var (pairs, left, right, sums) = (convention.Arguments[0], convention.Arguments[1], convention.Arguments[2], convention.Arguments[3]);
        var firstRight = rows * vectors;
        var firstLeft = firstRight + vectors;
        var code = new Assembler();
        convention.Enter(code);
        for (var sum = 0; sum < rows * vectors; sum++) code.Load(sum, sums, VectorBytes * sum);
        var loop = code.Position;
        for (var v = 0; v < vectors; v++) code.Load(firstRight + v, right, VectorBytes * v);
        for (var r = 0; r < rows; r++)
        {
            var row = firstLeft + r % (Registers - firstLeft);
            code.Broadcast(row, left, PairBytes * r);
            for (var v = 0; v < vectors; v++) code.AddPairProducts(r * vectors + v, firstRight + v, row);
        }

        code.Add(left, PairBytes * rows);
        code.Add(right, VectorBytes * vectors);
        code.Subtract(pairs, 1);
        code.JumpBackIfNotZero(loop);
        for (var sum = 0; sum < rows * vectors; sum++) code.Store(sum, sums, VectorBytes * sum);
        convention.Leave(code);
        return code.ToArray();
    }
}
