using QLora.Cpu.MachineCode;

namespace QLora.Tests.Backends.Cpu.MachineCode;

/// <summary>Every instruction in the encoding that the GNU assembler 2.40 gives it, with registers and offsets on both sides of what is encoded
/// differently; but jumps always have their long form, and lower parts of vectors the prefix of whole ones.</summary>
public sealed class AssemblerTests
{
    [Fact]
    public void Vectors_are_loaded_and_stored()
    {
        Check("62 F1 7C 48 10 01", code => code.Load(0, Register.Rcx, 0));
        Check("62 C1 7C 48 10 79 17", code => code.Load(23, Register.R9, 1472));
        Check("62 71 7C 48 10 82 64 00 00 00", code => code.Load(8, Register.Rdx, 100));
        Check("62 61 7C 48 10 BE 00 20 00 00", code => code.Load(31, Register.Rsi, 8192));
        Check("62 71 7C 48 10 7F 80", code => code.Load(15, Register.Rdi, -8192));
        Check("62 D1 7C 48 11 38", code => code.Store(7, Register.R8, 0));
        Check("62 61 7C 48 11 79 01", code => code.Store(31, Register.Rcx, 64));
        Check("62 C1 7C 28 11 79 01", code => code.StoreHalf(23, Register.R9, 32));
        Check("62 61 7C 28 11 79 17", code => code.StoreHalf(31, Register.Rcx, 736));
        Check("62 F1 7C 08 10 74 24 01", code => code.LoadLow(6, Register.Rsp, 16));
        Check("62 71 7C 08 11 7C 24 09", code => code.StoreLow(15, Register.Rsp, 144));
    }

    [Fact]
    public void Four_bytes_go_to_every_place()
    {
        Check("62 62 7D 48 58 1E", code => code.Broadcast(27, Register.Rsi, 0));
        Check("62 D2 7D 48 58 68 07", code => code.Broadcast(5, Register.R8, 28));
        Check("62 E2 7D 48 58 82 00 02 00 00", code => code.Broadcast(16, Register.Rdx, 512));
    }

    [Fact]
    public void Registers_are_cleared_and_pairs_multiplied()
    {
        Check("62 51 35 48 EF C9", code => code.Clear(9));
        Check("62 01 0D 40 EF F6", code => code.Clear(30));
        Check("62 92 3E 40 52 C3", code => code.AddPairProducts(0, 24, 27));
        Check("62 E2 2E 48 52 CB", code => code.AddPairProducts(17, 10, 3));
        Check("62 52 06 40 52 C7", code => code.AddPairProducts(8, 31, 15));
    }

    [Fact]
    public void Numbers_are_rounded()
    {
        Check("62 F2 7E 48 72 C0", code => code.RoundToBFloat16(0, 0));
        Check("62 A2 7E 48 72 FF", code => code.RoundToBFloat16(23, 23));
        Check("62 42 7E 48 72 F1", code => code.RoundToBFloat16(30, 9));
    }

    [Fact]
    public void Numbers_are_added_and_jumps_go_back()
    {
        Check("48 83 C6 20", code => code.Add(Register.Rsi, 32));
        Check("49 81 C0 C0 00 00 00", code => code.Add(Register.R8, 192));
        Check("48 83 C1 80", code => code.Add(Register.Rcx, -128));
        Check("48 83 EF 01", code => code.Subtract(Register.Rdi, 1));
        Check("48 81 EC A0 00 00 00", code => code.Subtract(Register.Rsp, 160));
        Check("48 83 EF 01 0F 85 F6 FF FF FF", code =>
        {
            var start = code.Position;
            code.Subtract(Register.Rdi, 1);
            code.JumpBackIfNotZero(start);
        });
    }

    [Fact]
    public void Functions_end()
    {
        Check("C5 F8 77", code => code.ClearUpperParts());
        Check("C3", code => code.Return());
    }

    private static void Check(string expected, Action<Assembler> write)
    {
        var code = new Assembler();
        write(code);
        Assert.Equal(expected, string.Join(' ', code.ToArray().Select(value => value.ToString("X2"))));
    }
}
