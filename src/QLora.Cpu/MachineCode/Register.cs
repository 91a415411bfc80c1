namespace QLora.Cpu.MachineCode;

/// <summary>A 64-bit register, by its number in instructions.</summary>
internal enum Register
{
    Rcx = 1,
    Rdx = 2,
    Rsp = 4,
    Rsi = 6,
    Rdi = 7,
    R8 = 8,
    R9 = 9,
}
