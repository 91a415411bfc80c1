using QLora.Cpu.MachineCode;

namespace QLora.Cpu.Limits;

/// <summary>Sums of products of pairs that do not wait for each other.</summary>
/// <param name="steps">How many of each sum.</param>
internal readonly unsafe struct PairProducts(int steps) : IWork
{
    private const int Chains = 24;

    // Machine code stays for as long as the process.
    private static readonly void* Placed = PairInstructions.IsInProcessor ? CodePages.TryPlace(Code) : null;

    /// <summary>Whether the processor has the instruction and the system a place for it.</summary>
    public static bool ArePossible => Placed != null;

    /// <summary>Operations of a step: two for each number of a pair.</summary>
    public static double Operations => 4.0 * Chains * 16;

    // A function of the number of steps.
    private static byte[] Code
    {
        get
        {
            var (code, convention) = (new Assembler(), CallConvention.Native);
            convention.Enter(code);
            for (var vector = 0; vector <= Chains; vector++) code.Clear(vector);
            var loop = code.Position;
            for (var sum = 0; sum < Chains; sum++) code.AddPairProducts(sum, Chains, Chains);
            code.Subtract(convention.Arguments[0], 1);
            code.JumpBackIfNotZero(loop);
            convention.Leave(code);
            return code.ToArray();
        }
    }

    public void Run(int part, int parts) => ((delegate* unmanaged<nint, void>)Placed)(steps);
}
