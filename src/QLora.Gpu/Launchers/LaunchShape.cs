using ILGPU;
using ILGPU.Runtime;

namespace QLora.Gpu;

/// <summary>How many groups run a kernel, and how many lanes are in each.</summary>
internal readonly record struct LaunchShape(Index3D Groups, Index3D Lanes)
{
    /// <summary>Whether there is nothing to do, which devices refuse to launch.</summary>
    public bool IsEmpty => Groups.Size == 0;

    public KernelConfig Config => new(Groups, Lanes);
}
