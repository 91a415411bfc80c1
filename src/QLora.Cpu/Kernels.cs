using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

/// <summary>Work that falls into independent items, written once for all vector widths.</summary>
internal interface IKernel
{
    /// <summary>Does items <paramref name="start"/> up to <paramref name="end"/>.</summary>
    /// <param name="start">The first item.</param>
    /// <param name="end">The item after the last.</param>
    /// <param name="part">The number of the team's part it belongs to, for scratch of its own.</param>
    void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>;
}

/// <summary>What is done to each element by itself, written once for all vector widths.</summary>
internal interface IElementKernel
{
    /// <summary>Does elements <paramref name="i"/> up to <paramref name="i"/> + the vector's width.</summary>
    void At<V>(nint i) where V : unmanaged, IVector<V>;
}

/// <summary>Work on activations that falls into independent items, written once for all vector widths and formats.</summary>
internal interface IActivationKernel
{
    /// <summary>Does items <paramref name="start"/> up to <paramref name="end"/>, as <see cref="IKernel.Run{V}"/> does.</summary>
    void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat;
}

/// <summary>What is done to each activation by itself, written once for all vector widths and formats.</summary>
internal interface IActivationElementKernel
{
    /// <summary>Does elements <paramref name="i"/> up to <paramref name="i"/> + the vector's width.</summary>
    void At<V, TFormat>(nint i) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat;
}

public sealed partial class CpuBackend
{
    // The others begin about a microsecond after the caller: they have yet to see the work, and to fetch what it reads. So many element operations are done meanwhile, and are
    // the caller's beside its share; what is not twice as much is not worth sharing.
    private const long HeadStart = 16 * 1024;
    private const long WorthSharing = 2 * HeadStart;

    /// <summary>Runs a kernel over its items: each part of the team is one run of them, always the same for the same counts.</summary>
    /// <param name="items">How many there are.</param>
    /// <param name="itemWork">Element operations of one item, roughly.</param>
    /// <param name="kernel">What is done.</param>
    private void Run<TKernel>(int items, long itemWork, TKernel kernel) where TKernel : struct, IKernel
    {
        if (items == 0) return;
        if (_team.Threads == 1 || items == 1 || items * itemWork < WorthSharing) RunItems(_width, kernel, 0, items, 0);
        else _team.Run(new Evenly<TKernel>(_width, kernel, items, (int)Math.Min(items, HeadStart / itemWork)));
    }

    /// <summary>Runs a kernel over items of different size: each thread takes the next one when it is done with its last.</summary>
    private unsafe void RunInTurn<TKernel>(int items, TKernel kernel, long itemWork = WorthSharing) where TKernel : struct, IKernel
    {
        if (items == 0) return;
        var next = 0;
        if (_team.Threads == 1 || items == 1 || items * itemWork < WorthSharing) RunItems(_width, kernel, 0, items, 0);
        else _team.Run(new InTurn<TKernel>(_width, kernel, items, &next));
    }

    /// <summary>Runs a kernel over items that are worth taking one after another: each thread has a run of them, and takes what is left of others' when it is done with its own.</summary>
    private unsafe void RunInRuns<TKernel>(int items, long itemWork, TKernel kernel) where TKernel : struct, IKernel
    {
        if (items == 0) return;
        var done = stackalloc int[_team.Threads * InRuns<TKernel>.Line];
        new Span<int>(done, _team.Threads * InRuns<TKernel>.Line).Clear();
        if (_team.Threads == 1 || items == 1 || items * itemWork < WorthSharing) RunItems(_width, kernel, 0, items, 0);
        else _team.Run(new InRuns<TKernel>(_width, kernel, items, done));
    }

    /// <summary>Runs a kernel over the elements of a tensor.</summary>
    private void RunElements<TKernel>(long count, long elementWork, TKernel kernel) where TKernel : struct, IElementKernel =>
        Run(checked((int)((count + Elements<TKernel>.Block - 1) / Elements<TKernel>.Block)), elementWork * Elements<TKernel>.Block,
            new Elements<TKernel>(kernel, count));

    /// <summary>Runs a kernel over its items, whose activations are of a type.</summary>
    private void Run<TKernel>(DType activations, int items, long itemWork, TKernel kernel) where TKernel : struct, IActivationKernel
    {
        if (activations == DType.BFloat16) Run(items, itemWork, new InFormat<TKernel, BFloat16Format>(kernel));
        else Run(items, itemWork, new InFormat<TKernel, SingleFormat>(kernel));
    }

    /// <summary>Runs a kernel over items of different size, whose activations are of a type.</summary>
    private void RunInTurn<TKernel>(DType activations, int items, TKernel kernel) where TKernel : struct, IActivationKernel
    {
        if (activations == DType.BFloat16) RunInTurn(items, new InFormat<TKernel, BFloat16Format>(kernel));
        else RunInTurn(items, new InFormat<TKernel, SingleFormat>(kernel));
    }

    /// <summary>Runs a kernel over the elements of activations like <paramref name="x"/>.</summary>
    private void RunElements<TKernel>(Tensor x, long elementWork, TKernel kernel) where TKernel : struct, IActivationElementKernel
    {
        if (x.DType == DType.BFloat16) RunElements(x.Count, elementWork, new ElementInFormat<TKernel, BFloat16Format>(kernel));
        else RunElements(x.Count, elementWork, new ElementInFormat<TKernel, SingleFormat>(kernel));
    }

    /// <summary>Where activations begin, whatever their format.</summary>
    private static unsafe byte* Address(Tensor activations) =>
        activations.DType == DType.BFloat16 ? (byte*)activations.Pointer<ushort>() : (byte*)activations.Pointer<float>();

    /// <summary>Where scratch memory from the pool begins.</summary>
    private static unsafe float* Address(DeviceBuffer buffer) => (float*)((HostBuffer)buffer).Pointer;

    /// <summary>Fails when an index is not below the limit, before a kernel reads or writes where it points.</summary>
    private static void CheckIndices(string op, string name, Tensor indices, int limit)
    {
        var values = indices.Span<int>();
        for (var i = 0; i < values.Length; i++)
        {
            if ((uint)values[i] >= (uint)limit) throw new ArgumentException($"{op}: {name}[{i}] is {values[i]}, expected 0 to {limit - 1}");
        }
    }

    private static void RunItems<TKernel>(VectorWidth width, TKernel kernel, int start, int end, int part) where TKernel : struct, IKernel
    {
        switch (width)
        {
            case VectorWidth.Vector512: kernel.Run<Float16>(start, end, part); break;
            case VectorWidth.Vector256: kernel.Run<Float8>(start, end, part); break;
            default: kernel.Run<Float4>(start, end, part); break;
        }
    }

    private readonly struct Evenly<TKernel>(VectorWidth width, TKernel kernel, int items, int headStart) : IWork where TKernel : struct, IKernel
    {
        public void Run(int part, int parts) => RunItems(width, kernel, Border(part, parts), Border(part + 1, parts), part);

        private int Border(int part, int parts) => part == 0 ? 0 : headStart + (int)((long)(items - headStart) * part / parts);
    }

    private readonly unsafe struct InTurn<TKernel>(VectorWidth width, TKernel kernel, int items, int* next) : IWork where TKernel : struct, IKernel
    {
        public void Run(int part, int parts)
        {
            for (int item; (item = Interlocked.Increment(ref *next) - 1) < items;) RunItems(width, kernel, item, item + 1, part);
        }
    }

    private readonly unsafe struct InRuns<TKernel>(VectorWidth width, TKernel kernel, int items, int* done) : IWork where TKernel : struct, IKernel
    {
        /// <summary>How far a thread's run is done stands in a line of its own.</summary>
        public const int Line = 32;

        public void Run(int part, int parts)
        {
            for (var i = 0; i < parts; i++)
            {
                var run = (part + i) % parts;
                var (start, end) = ((int)((long)items * run / parts), (int)((long)items * (run + 1) / parts));
                for (int item; (item = start + Interlocked.Increment(ref done[run * Line]) - 1) < end;) RunItems(width, kernel, item, item + 1, part);
            }
        }
    }

    private readonly struct InFormat<TKernel, TFormat>(TKernel kernel) : IKernel where TKernel : struct, IActivationKernel where TFormat : struct, IActivationFormat
    {
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V> => kernel.Run<V, TFormat>(start, end, part);
    }

    private readonly struct ElementInFormat<TKernel, TFormat>(TKernel kernel) : IElementKernel
        where TKernel : struct, IActivationElementKernel where TFormat : struct, IActivationFormat
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVector<V> => kernel.At<V, TFormat>(i);
    }

    private readonly struct Elements<TKernel>(TKernel kernel, long count) : IKernel where TKernel : struct, IElementKernel
    {
        // A cache line's multiple, so that threads do not write into the same line.
        public const int Block = 64;

        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V> => Run<V>(kernel, (nint)start * Block, (nint)Math.Min((long)end * Block, count));

        /// <summary>Does elements <paramref name="i"/> up to <paramref name="end"/>.</summary>
        [MethodImpl(Hot.Loop)]
        public static void Run<V>(TKernel kernel, nint i, nint end) where V : unmanaged, IVector<V>
        {
            for (; i <= end - V.Count; i += V.Count) kernel.At<V>(i);
            for (; i < end; i++) kernel.At<Float1>(i);
        }
    }
}
