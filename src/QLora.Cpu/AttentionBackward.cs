using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using QLora.Backends;
using QLora.Cpu.Attention;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    private readonly List<AttentionSum> _sums = [];

    /// <inheritdoc/>
    protected override void AttentionBackwardCore(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor dq, Tensor dk, Tensor dv,
        ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
    {
        var operands = Operands(q, k, v, options);
        var results = new BackwardOperands(Address(y), logSumExp.Pointer<float>(), Address(dy), Address(dq));
        var numbers = PlanBackward(operands, segments);
        var scratchSize = BackwardBlock.ScratchSize(operands.HeadSize);
        using var workspace = AllocateBuffer(numbers * sizeof(float));
        using var scratch = AllocateBuffer(ScratchBytes(scratchSize));
        var memory = new AttentionMemory(Address(workspace), Address(scratch), scratchSize);
        var shares = memory.Workspace + _team.Threads * _attention.PackedSize;

        Run(q.DType, _team.Threads, WorthSharing, new BackwardKernel(operands, PairTilesOf(operands), results, _attention, memory, shares));
        Run(q.DType, _sums.Count, WorthSharing, new AddSharesKernel(operands, _sums, _attention.Runs, shares, Address(dk), Address(dv)));
    }

    /// <summary>Shares the op out and returns the numbers of workspace: packed keys of each thread, and each run's shares in dk and dv.</summary>
    private long PlanBackward(in AttentionOperands o, ReadOnlySpan<AttentionSegment> segments)
    {
        _attention.Make(o, segments, fewestQueries: 1, BackwardBlock.Block, 2 * o.HeadSize + o.PaddedSize, _team.Threads);
        _sums.Clear();
        var runs = _attention.Runs;
        for (int first = 0, end; first < runs.Count; first = end)
        {
            for (end = first + 1; end < runs.Count && runs[end].First > 0;) end++;
            for (var start = 0; start < runs[first].Segment.KeyCount; start += KeyPack.Block) _sums.Add(new(start, first, end));
        }

        return (long)_attention.PackedSize * _team.Threads + _attention.SharesSize;
    }

    private readonly struct BackwardKernel(
        AttentionOperands o, PairTiles? tiles, BackwardOperands results, AttentionPlan plan, AttentionMemory memory, float* shares) : IActivationKernel
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
            for (var (n, last) = (plan.RunsOf(start).First, plan.RunsOf(end - 1).End); n < last; n++)
            {
                var run = plan.Runs[n];
                var packed = PackedKeys.At(memory.Workspace + start * plan.PackedSize, run.Keys, o.HeadSize);
                var keys = o.KeyHead<TFormat>(o.K, run.Segment, run.KeyHead, 0);
                var first = o.FirstKeyOf(run);
                products.PackPanels<V, TFormat>(keys, o.KeyStride, first, run.Keys, o.HeadSize, packed.KeyPanels);
                products.PackPanels<V, TFormat>(o.KeyHead<TFormat>(o.V, run.Segment, run.KeyHead, 0), o.KeyStride, first, run.Keys, o.HeadSize, packed.ValuePanels);
                products.PackRows<V, TFormat>(keys, o.KeyStride, first, run.Keys, o.HeadSize, packed.KeyRows);

                var share = shares + run.Share;
                var size = AttentionPlan.ShareSize(run, o);
                NativeMemory.Clear(share, (nuint)(2 * size * sizeof(float)));
                for (var block = run.First; block < run.End; block++)
                {
                    var (head, query) = run.Block(block, o.HeadsOfKeyHead);
                    BackwardBlock.Run<V, TFormat, TProducts>(o, products, results, run.Segment, head, query, packed, share, share + size, memory.Scratch(part));
                }
            }
        }
    }

    /// <summary>Adds the shares of all runs of a group's heads, in the order of the runs.</summary>
    private readonly struct AddSharesKernel(
        AttentionOperands o, List<AttentionSum> sums, List<AttentionRun> runs, float* shares, byte* dk, byte* dv) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var n = start; n < end; n++)
            {
                var sum = sums[n];
                var (segment, keyHead) = (runs[sum.FirstRun].Segment, runs[sum.FirstRun].KeyHead);
                for (var key = sum.FirstKey; key < Math.Min(sum.FirstKey + KeyPack.Block, segment.KeyCount); key++)
                {
                    var keyGradient = o.KeyHead<TFormat>(dk, segment, keyHead, key);
                    var valueGradient = o.KeyHead<TFormat>(dv, segment, keyHead, key);
                    var c = 0;
                    for (; c <= o.HeadSize - V.Count; c += V.Count) Add<V, TFormat>(sum, key, c, keyGradient, valueGradient);
                    for (; c < o.HeadSize; c++) Add<Float1, TFormat>(sum, key, c, keyGradient, valueGradient);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Add<V, TFormat>(in AttentionSum sum, int key, int c, byte* keyGradient, byte* valueGradient)
            where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var (keySum, valueSum) = (V.Create(0f), V.Create(0f));
            for (var r = sum.FirstRun; r < sum.EndRun; r++)
            {
                if (runs[r].Keys <= key) continue;
                var share = shares + runs[r].Share + (nint)key * o.PaddedSize + c;
                keySum += V.Load(share);
                valueSum += V.Load(share + AttentionPlan.ShareSize(runs[r], o));
            }

            TFormat.Store(keyGradient, c, keySum);
            TFormat.Store(valueGradient, c, valueSum);
        }
    }

    /// <summary>A block of keys whose gradients are to be added up.</summary>
    /// <param name="FirstKey">Its first key within the segment.</param>
    /// <param name="FirstRun">The first run that has a share in them, which tells the segment and the key head.</param>
    /// <param name="EndRun">The run after the last.</param>
    private readonly record struct AttentionSum(int FirstKey, int FirstRun, int EndRun);
}
