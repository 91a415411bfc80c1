using System.Runtime.CompilerServices;
using QLora.Backends;
using QLora.Cpu.Attention;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    private readonly AttentionPlan _attention = new();
    private readonly List<SingleQuery> _singleQueries = [];

    /// <inheritdoc/>
    protected override void AttentionCore(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor? logSumExp, ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
    {
        var operands = Operands(q, k, v, options);
        var lse = logSumExp is { } rows ? rows.Pointer<float>() : null;
        var (workspaceSize, scratchSize) = PlanForward(operands, segments);
        using var workspace = AllocateBuffer(workspaceSize * sizeof(float));
        using var scratch = AllocateBuffer(ScratchBytes(scratchSize));
        var memory = new AttentionMemory(Address(workspace), Address(scratch), scratchSize);

        if (_attention.Runs.Count > 0) Run(q.DType, _team.Threads, WorthSharing, new ForwardKernel(operands, PairTilesOf(operands), _attention, memory, Address(y), lse));
        Run(q.DType, _singleQueries.Count, 2L * scratchSize * operands.HeadSize, new FewQueriesKernel(operands, _singleQueries, memory, Address(y), lse));
    }

    /// <summary>Shares the op out and returns the numbers of workspace for packed keys, and of scratch for each thread.</summary>
    private (long Workspace, int Scratch) PlanForward(in AttentionOperands o, ReadOnlySpan<AttentionSegment> segments)
    {
        _attention.Make(o, segments, FewQueries.Limit, ForwardBlock.Block, o.HeadSize + o.PaddedSize, _team.Threads);
        _singleQueries.Clear();
        var longest = 0;
        foreach (var segment in segments)
        {
            if (segment.QueryCount >= FewQueries.Limit) continue;
            longest = Math.Max(longest, o.WindowOf(segment));
            for (var head = 0; head < o.Heads; head++)
            {
                for (var i = 0; i < segment.QueryCount; i++) _singleQueries.Add(new(segment, head, i));
            }
        }

        return ((long)_attention.PackedSize * _team.Threads, Math.Max(_attention.Runs.Count > 0 ? ForwardBlock.ScratchSize(o.HeadSize) : 0, longest));
    }

    /// <summary>Bytes of scratch for all threads, when each needs so many numbers.</summary>
    private long ScratchBytes(int scratchSize) => (long)_team.Threads * scratchSize * sizeof(float);

    /// <summary>What multiplies pairs of activations in BFloat16, where that is possible.</summary>
    private PairTiles? PairTilesOf(in AttentionOperands o) => _pairTiles == null ? null : PairTiles.Of(o.PaddedSize);

    private static AttentionOperands Operands(Tensor q, Tensor k, Tensor v, AttentionOptions options) =>
        new(Address(q), Address(k), Address(v), q.Shape[1], k.Shape[1], q.Shape[2], options);

    private readonly struct ForwardKernel(AttentionOperands o, PairTiles? tiles, AttentionPlan plan, AttentionMemory memory, byte* y, float* logSumExp) : IActivationKernel
    {
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            if (typeof(TFormat) == typeof(BFloat16Format) && tiles != null) Run<V, TFormat, PairProducts>(new(tiles), start, end, part);
            else Run<V, TFormat, SingleProducts>(new(o.PaddedSize), start, end, part);
        }

        [MethodImpl(Hot.Loop)]
        private void Run<V, TFormat, TProducts>(TProducts products, int start, int end, int part)
            where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat where TProducts : struct, IAttentionProducts
        {
            var keys = memory.Workspace + start * plan.PackedSize;
            for (var (n, last) = (plan.RunsOf(start).First, plan.RunsOf(end - 1).End); n < last; n++)
            {
                var run = plan.Runs[n];
                var values = keys + (nint)KeyPack.PaddedKeys(run.Keys) * o.HeadSize;
                var first = o.FirstKeyOf(run);
                products.PackPanels<V, TFormat>(o.KeyHead<TFormat>(o.K, run.Segment, run.KeyHead, 0), o.KeyStride, first, run.Keys, o.HeadSize, keys);
                products.PackRows<V, TFormat>(o.KeyHead<TFormat>(o.V, run.Segment, run.KeyHead, 0), o.KeyStride, first, run.Keys, o.HeadSize, values);
                for (var block = run.First; block < run.End; block++)
                {
                    var (head, query) = run.Block(block, o.HeadsOfKeyHead);
                    ForwardBlock.Run<V, TFormat, TProducts>(o, products, run.Segment, head, query, keys, values, y, logSumExp, memory.Scratch(part));
                }
            }
        }
    }

    private readonly struct FewQueriesKernel(AttentionOperands o, List<SingleQuery> queries, AttentionMemory memory, byte* y, float* logSumExp) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var n = start; n < end; n++)
            {
                FewQueries.Run<V, TFormat>(o, queries[n].Segment, queries[n].Head, queries[n].Query, y, logSumExp, memory.Scratch(part));
            }
        }
    }

    /// <summary>A query of a segment's head.</summary>
    private readonly record struct SingleQuery(AttentionSegment Segment, int Head, int Query);
}
