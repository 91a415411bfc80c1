using System.Runtime.CompilerServices;
using QLora.Backends;
using QLora.Cpu.Attention;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    private readonly List<AttentionItem> _packing = [], _blocks = [], _queries = [];

    /// <inheritdoc/>
    protected override void AttentionCore(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor? logSumExp, ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
    {
        var operands = Operands(q, k, v, options);
        var lse = logSumExp is { } rows ? rows.Pointer<float>() : null;
        var (packed, longest) = PlanForward(operands, segments);
        using var workspace = AllocateBuffer(packed * sizeof(float));
        var scratchSize = ForwardScratch(operands.HeadSize, longest);
        using var scratch = AllocateBuffer(ScratchBytes(scratchSize));
        var memory = new AttentionMemory(Address(workspace), Address(scratch), scratchSize);

        RunInTurn(q.DType, _packing.Count, new PackForwardKernel(operands, _packing, memory));
        RunInTurn(q.DType, _blocks.Count, new ForwardKernel(operands, _blocks, memory, Address(y), lse));
        Run(q.DType, _queries.Count, 2L * longest * operands.HeadSize, new FewQueriesKernel(operands, _queries, memory, Address(y), lse));
    }

    /// <summary>Cuts the op into items and returns the numbers of workspace for packed keys, and the most keys that a query by itself sees.</summary>
    private (long Packed, int Longest) PlanForward(in AttentionOperands o, ReadOnlySpan<AttentionSegment> segments)
    {
        _packing.Clear();
        _blocks.Clear();
        _queries.Clear();
        var (packed, longest) = ((nint)0, 0);
        foreach (var segment in segments)
        {
            if (segment.QueryCount < FewQueries.Limit)
            {
                longest = Math.Max(longest, o.WindowOf(segment));
                for (var head = 0; head < o.Heads; head++)
                {
                    for (var i = 0; i < segment.QueryCount; i++) _queries.Add(new(segment, head, i, i + 1, 0));
                }

                continue;
            }

            var perKeyHead = (nint)KeyPack.PaddedKeys(segment.KeyCount) * (o.HeadSize + o.PaddedSize);
            for (var keyHead = 0; keyHead < o.KeyHeads; keyHead++)
            {
                // Of the keys from a cache, those before the first query's window are not read.
                var firstRead = Math.Max(0, segment.KeyCount - segment.QueryCount + 1 - o.WindowOf(segment));
                for (var start = firstRead / KeyPack.Block * KeyPack.Block; start < segment.KeyCount; start += KeyPack.Block)
                {
                    _packing.Add(new(segment, keyHead, start, segment.KeyCount, packed + keyHead * perKeyHead));
                }
            }

            // The last queries see the most keys: with the largest items first, the threads end together.
            for (var first = (segment.QueryCount - 1) / ForwardBlock.Block * ForwardBlock.Block; first >= 0; first -= ForwardBlock.Block)
            {
                for (var head = 0; head < o.Heads; head++)
                {
                    _blocks.Add(new(segment, head, first, segment.QueryCount, packed + o.KeyHeadOf(head) * perKeyHead));
                }
            }

            packed += o.KeyHeads * perKeyHead;
        }

        return (packed, longest);
    }

    /// <summary>Numbers of scratch for each thread.</summary>
    private static int ForwardScratch(int headSize, int longest) => Math.Max(ForwardBlock.ScratchSize(headSize), longest);

    /// <summary>Bytes of scratch for all threads, when each needs so many numbers.</summary>
    private long ScratchBytes(int scratchSize) => (long)_team.Threads * scratchSize * sizeof(float);

    private static AttentionOperands Operands(Tensor q, Tensor k, Tensor v, AttentionOptions options) =>
        new(Address(q), Address(k), Address(v), q.Shape[1], k.Shape[1], q.Shape[2], options);

    private readonly struct PackForwardKernel(AttentionOperands o, List<AttentionItem> items, AttentionMemory memory) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var n = start; n < end; n++)
            {
                var item = items[n];
                var panels = memory.Workspace + item.Pack;
                KeyPack.Panels<V, TFormat>(o.KeyHead<TFormat>(o.K, item.Segment, item.Head, 0), o.KeyStride, item.First, item.End, o.HeadSize, panels);
                KeyPack.Rows<V, TFormat>(o.KeyHead<TFormat>(o.V, item.Segment, item.Head, 0), o.KeyStride, item.First, item.End, o.HeadSize,
                    panels + (nint)KeyPack.PaddedKeys(item.End) * o.HeadSize);
            }
        }
    }

    private readonly struct ForwardKernel(AttentionOperands o, List<AttentionItem> items, AttentionMemory memory, byte* y, float* logSumExp) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var n = start; n < end; n++)
            {
                var item = items[n];
                var keys = memory.Workspace + item.Pack;
                var values = keys + (nint)KeyPack.PaddedKeys(item.Segment.KeyCount) * o.HeadSize;
                ForwardBlock.Run<V, TFormat>(o, item.Segment, item.Head, item.First, keys, values, y, logSumExp, memory.Scratch(part));
            }
        }
    }

    private readonly struct FewQueriesKernel(AttentionOperands o, List<AttentionItem> items, AttentionMemory memory, byte* y, float* logSumExp) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var n = start; n < end; n++)
            {
                FewQueries.Run<V, TFormat>(o, items[n].Segment, items[n].Head, items[n].First, y, logSumExp, memory.Scratch(part));
            }
        }
    }
}
