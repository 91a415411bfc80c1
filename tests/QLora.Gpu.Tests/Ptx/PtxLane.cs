namespace QLora.Tests.Backends.Gpu.Ptx;

/// <summary>One lane of a group: its registers and where it is.</summary>
internal sealed class PtxLane(int index, int registers)
{
    private readonly ulong[] _values = new ulong[registers];
    private readonly bool[] _known = new bool[registers];

    /// <summary>Which lane of the group it is.</summary>
    public int Index => index;

    /// <summary>The next instruction; −1 after the last.</summary>
    public int Next { get; set; }

    /// <summary>The content of a register.</summary>
    /// <exception cref="InvalidOperationException">Nothing was put there.</exception>
    public ulong this[int register]
    {
        get => _known[register] ? _values[register] : throw new InvalidOperationException($"lane {index} reads a register that it never wrote, at instruction {Next}");
        set => (_values[register], _known[register]) = (value, true);
    }
}
