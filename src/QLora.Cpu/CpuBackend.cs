using QLora.Backends;

namespace QLora.Cpu;

/// <summary>Every op in vectors of the machine's width, on a team of threads. Same input, width and thread count give the same bits.</summary>
public sealed partial class CpuBackend : HostBackend
{
    private readonly ThreadTeam _team;
    private readonly VectorWidth _width;

    /// <summary>A backend with its own team of threads.</summary>
    /// <param name="threads">How many, the caller among them; one per core when null.</param>
    /// <param name="width">Of the vectors; that of <see cref="VectorWidths.Chosen"/> when null.</param>
    /// <exception cref="QLoraException">This machine does not have the width.</exception>
    public CpuBackend(int? threads = null, VectorWidth? width = null)
    {
        _width = width ?? VectorWidths.Chosen();
        if (!VectorWidths.Supported.Contains(_width)) throw new QLoraException($"this machine has no vectors of {(int)_width} bits");
        _team = new ThreadTeam(threads ?? Environment.ProcessorCount);
    }

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
