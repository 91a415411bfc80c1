using QLora.Backends;
using QLora.Cpu.Gemm.BFloat16;
using QLora.Cpu.MachineCode;

namespace QLora.Cpu;

/// <summary>Every op in vectors of the machine's width, on a team of threads. Same input, width and thread count give the same bits.</summary>
public sealed partial class CpuBackend : HostBackend
{
    private readonly ThreadTeam _team;
    private readonly VectorWidth _width;

    // What multiplies pairs of BFloat16 numbers, where the processor can.
    private readonly PackedPairTile[]? _pairTiles;

    /// <summary>A backend with its own team of threads.</summary>
    /// <param name="threads">How many, the caller among them; one per core when null.</param>
    /// <param name="width">Of the vectors; that of <see cref="VectorWidths.Chosen"/> when null.</param>
    /// <param name="machineCode">
    /// Whether products of BFloat16 activations may go through machine code, which rounds both operands; what <see cref="PairInstructions.AreWanted"/> says when null.
    /// Without it, or where the machine has no such instructions, they are those of Float32.
    /// </param>
    /// <exception cref="QLoraException">This machine does not have the width.</exception>
    public CpuBackend(int? threads = null, VectorWidth? width = null, bool? machineCode = null)
    {
        _width = width ?? VectorWidths.Chosen();
        if (!VectorWidths.Supported.Contains(_width)) throw new QLoraException($"this machine has no vectors of {(int)_width} bits");
        _pairTiles = _width == VectorWidth.Vector512 && (machineCode ?? PairInstructions.AreWanted()) ? PackedPairTile.All : null;
        _team = new ThreadTeam(threads ?? Environment.ProcessorCount);
    }

    /// <summary>Whether products of BFloat16 activations go through machine code.</summary>
    public bool MultipliesPairs => _pairTiles != null;

    /// <inheritdoc/>
    public override string Name => "cpu";

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _team.Dispose();
            _productMemory?.Dispose();
        }

        base.Dispose(disposing);
    }
}
