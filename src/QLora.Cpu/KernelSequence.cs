using QLora.Cpu.Vectors;

namespace QLora.Cpu;

/// <summary>Kernels of a kind whose items follow each other, so that one round of the team does all of them.</summary>
/// <param name="kernels">Room for them.</param>
/// <param name="ends">Room for as many numbers.</param>
internal unsafe struct KernelSequence<TKernel>(TKernel* kernels, int* ends) : IKernel where TKernel : unmanaged, IKernel
{
    private int _count;

    /// <summary>Items of all kernels.</summary>
    public readonly int Items => _count == 0 ? 0 : ends[_count - 1];

    /// <summary>Adds a kernel.</summary>
    public void Add(TKernel kernel, int items)
    {
        ends[_count] = Items + items;
        kernels[_count++] = kernel;
    }

    public readonly void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
    {
        for (var (i, first) = (0, 0); i < _count; first = ends[i++])
        {
            if (start < ends[i] && end > first) kernels[i].Run<V>(Math.Max(start, first) - first, Math.Min(end, ends[i]) - first, part);
        }
    }
}
