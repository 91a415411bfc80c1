namespace QLora.Cpu.MachineCode;

/// <summary>Where a function finds its arguments, and what it must leave as it was.</summary>
/// <param name="Arguments">The registers of the first four.</param>
/// <param name="SavedVectors">The first and the number of vectors whose low 16 bytes belong to the caller.</param>
internal sealed record CallConvention(Register[] Arguments, (int First, int Count) SavedVectors)
{
    /// <summary>That of Linux and macOS.</summary>
    public static CallConvention SystemV { get; } = new([Register.Rdi, Register.Rsi, Register.Rdx, Register.Rcx], (0, 0));

    /// <summary>That of Windows.</summary>
    public static CallConvention Windows { get; } = new([Register.Rcx, Register.Rdx, Register.R8, Register.R9], (6, 10));

    /// <summary>That of this system.</summary>
    public static CallConvention Native => OperatingSystem.IsWindows() ? Windows : SystemV;

    /// <summary>Keeps the caller's vectors on the stack.</summary>
    public void Enter(Assembler code)
    {
        if (SavedVectors.Count == 0) return;
        code.Subtract(Register.Rsp, StackBytes);
        for (var i = 0; i < SavedVectors.Count; i++) code.StoreLow(SavedVectors.First + i, Register.Rsp, 16 * i);
    }

    /// <summary>Gives them back and returns.</summary>
    public void Leave(Assembler code)
    {
        code.ClearUpperParts();
        for (var i = 0; i < SavedVectors.Count; i++) code.LoadLow(SavedVectors.First + i, Register.Rsp, 16 * i);
        if (SavedVectors.Count > 0) code.Add(Register.Rsp, StackBytes);
        code.Return();
    }

    private int StackBytes => 16 * SavedVectors.Count;
}
