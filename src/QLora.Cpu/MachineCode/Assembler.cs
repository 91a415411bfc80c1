using System.Buffers.Binary;

namespace QLora.Cpu.MachineCode;

/// <summary>
/// Writes the few x64 instructions that kernels are made of and that .NET has no intrinsics for, as "Intel 64 and IA-32 Architectures Software Developer's Manual", volume 2,
/// encodes them. Vectors are the registers zmm0 to zmm31, by number.
/// </summary>
internal sealed class Assembler
{
    private const int FullVector = 64, HalfVector = 32, LowVector = 16;
    private readonly List<byte> _code = [];

    // Which table of opcodes, and the prefix that is part of an opcode.
    private enum Map : byte { Base = 1, Extended = 2 }

    private enum Prefix : byte { None = 0, OperandSize = 1, Repeat = 2 }

    /// <summary>Where the next instruction will be, for jumps back to it.</summary>
    public int Position => _code.Count;

    /// <summary>What was written.</summary>
    public byte[] ToArray() => [.. _code];

    /// <summary><c>vmovups zmm, [address + offset]</c>.</summary>
    public void Load(int vector, Register address, int offset) => InMemory(Map.Base, Prefix.None, 0x10, vector, address, offset, FullVector, FullVector);

    /// <summary><c>vmovups [address + offset], zmm</c>.</summary>
    public void Store(int vector, Register address, int offset) => InMemory(Map.Base, Prefix.None, 0x11, vector, address, offset, FullVector, FullVector);

    /// <summary><c>vmovups xmm, [address + offset]</c>.</summary>
    public void LoadLow(int vector, Register address, int offset) => InMemory(Map.Base, Prefix.None, 0x10, vector, address, offset, LowVector, LowVector);

    /// <summary><c>vmovups [address + offset], xmm</c>.</summary>
    public void StoreLow(int vector, Register address, int offset) => InMemory(Map.Base, Prefix.None, 0x11, vector, address, offset, LowVector, LowVector);

    /// <summary><c>vmovups [address + offset], ymm</c>.</summary>
    public void StoreHalf(int vector, Register address, int offset) => InMemory(Map.Base, Prefix.None, 0x11, vector, address, offset, HalfVector, HalfVector);

    /// <summary><c>vpbroadcastd zmm, [address + offset]</c>: four bytes in every place.</summary>
    public void Broadcast(int vector, Register address, int offset) => InMemory(Map.Extended, Prefix.OperandSize, 0x58, vector, address, offset, sizeof(int), FullVector);

    /// <summary><c>vpxord sum, sum, sum</c>: zeros.</summary>
    public void Clear(int vector) => InRegisters(Map.Base, Prefix.OperandSize, 0xEF, vector, vector, vector);

    /// <summary><c>vdpbf16ps sum, x, y</c>: each place of sum, in single precision, gains the products of the two pairs of BFloat16 numbers there.</summary>
    public void AddPairProducts(int sum, int x, int y) => InRegisters(Map.Extended, Prefix.Repeat, 0x52, sum, x, y);

    /// <summary><c>vcvtneps2bf16 ymm, zmm</c>: the nearest BFloat16 numbers, in the lower half; numbers below the smallest normal one become zero.</summary>
    public void RoundToBFloat16(int rounded, int vector) => InRegisters(Map.Extended, Prefix.Repeat, 0x72, rounded, 0, vector);

    /// <summary><c>add register, value</c>.</summary>
    public void Add(Register register, int value) => WithValue(0, register, value);

    /// <summary><c>sub register, value</c>.</summary>
    public void Subtract(Register register, int value) => WithValue(5, register, value);

    /// <summary><c>jnz position</c>: jumps back when the last sum was not zero.</summary>
    public void JumpBackIfNotZero(int position)
    {
        const int Length = 6;
        var distance = position - (_code.Count + Length);
        _code.AddRange([0x0F, 0x85]);
        Int32(distance);
    }

    /// <summary><c>vzeroupper</c>: what is left in the upper parts of vectors would slow down code that uses the lower ones.</summary>
    public void ClearUpperParts() => _code.AddRange([0xC5, 0xF8, 0x77]);

    /// <summary><c>ret</c>.</summary>
    public void Return() => _code.Add(0xC3);

    private void WithValue(int operation, Register register, int value)
    {
        var isByte = value is >= sbyte.MinValue and <= sbyte.MaxValue;
        _code.AddRange([(byte)(0x48 | Bit((int)register, 3)), (byte)(isByte ? 0x83 : 0x81), (byte)(0xC0 | operation << 3 | (int)register & 7)]);
        if (isByte) _code.Add((byte)value);
        else Int32(value);
    }

    private void InRegisters(Map map, Prefix prefix, byte opcode, int destination, int first, int second)
    {
        Evex(map, prefix, destination, first, FullVector, highBase: Bit(second, 3), highIndex: Bit(second, 4));
        _code.AddRange([opcode, (byte)(0xC0 | (destination & 7) << 3 | second & 7)]);
    }

    /// <summary>An instruction on a vector and memory, of which it touches <paramref name="unit"/> bytes.</summary>
    private void InMemory(Map map, Prefix prefix, byte opcode, int vector, Register address, int offset, int unit, int length)
    {
        Evex(map, prefix, vector, 0, length, highBase: Bit((int)address, 3), highIndex: 0);
        _code.Add(opcode);

        // An offset of one byte counts units.
        var inUnits = offset % unit == 0 && offset / unit is >= sbyte.MinValue and <= sbyte.MaxValue;
        var mode = offset == 0 ? 0 : inUnits ? 0x40 : 0x80;
        _code.Add((byte)(mode | (vector & 7) << 3 | (int)address & 7));
        if (address == Register.Rsp) _code.Add(0x24);
        if (mode == 0x40) _code.Add((byte)(offset / unit));
        else if (mode == 0x80) Int32(offset);
    }

    /// <summary>The prefix of all AVX-512 instructions: the upper bits of register numbers, most of them inverted, and the length of the vectors.</summary>
    private void Evex(Map map, Prefix prefix, int register, int second, int length, int highBase, int highIndex) => _code.AddRange(
    [
        0x62,
        (byte)((1 - Bit(register, 3)) << 7 | (1 - highIndex) << 6 | (1 - highBase) << 5 | (1 - Bit(register, 4)) << 4 | (int)map),
        (byte)((~second & 15) << 3 | 4 | (int)prefix),
        (byte)((length / HalfVector) << 5 | (1 - Bit(second, 4)) << 3),
    ]);

    private static int Bit(int number, int bit) => number >> bit & 1;

    private void Int32(int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        _code.AddRange(bytes);
    }
}
