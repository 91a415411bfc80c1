using System.Runtime.CompilerServices;
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

        RunInTurn(q.DType, _packing.Count, new PackBackwardKernel(operands, _packing, memory));
        RunInTurn(q.DType, _blocks.Count, new BackwardKernel(operands, results, _blocks, memory));
        RunInTurn(q.DType, _sums.Count, new AddSharesKernel(operands, _sums, _blocks, memory, Address(dk), Address(dv)));
    }

    /// <summary>
    /// Cuts the op into items and returns the numbers of workspace: packed keys, and for each run of queries its shares in dk and dv. A head's
    /// queries are one run unless there are too few heads to keep all threads busy.
    /// </summary>
    private long PlanBackward(in AttentionOperands o, ReadOnlySpan<AttentionSegment> segments)
    {
        _packing.Clear();
        _blocks.Clear();
        _sums.Clear();
        nint used = 0;
        var runsWanted = (8 * _team.Threads + o.Heads * segments.Length - 1) / Math.Max(1, o.Heads * segments.Length);
        foreach (var segment in segments)
        {
            var perKeyHead = (nint)KeyPack.PaddedKeys(segment.KeyCount) * (2 * o.HeadSize + o.PaddedSize);
            var packed = used;
            used += o.KeyHeads * perKeyHead;
            for (var keyHead = 0; keyHead < o.KeyHeads; keyHead++)
            {
                var firstRun = _blocks.Count;
                for (var start = 0; start < segment.KeyCount; start += KeyPack.Block)
                {
                    _packing.Add(new(segment, keyHead, start, segment.KeyCount, packed + keyHead * perKeyHead));
                }

                for (var head = keyHead * (o.Heads / o.KeyHeads); o.KeyHeadOf(head) == keyHead; head++)
                {
                    var blocks = (segment.QueryCount + BackwardBlock.Block - 1) / BackwardBlock.Block;
                    var window = Math.Min(blocks, o.WindowOf(segment) / (double)BackwardBlock.Block);
                    for (int run = 0, first = 0; first < segment.QueryCount; run++)
                    {
                        var share = (run + 1.0) / runsWanted;
                        var endBlock = Math.Max(first / BackwardBlock.Block + 1, (int)Math.Round(BlocksWithShare(share, blocks, window)));
                        var end = Math.Min(endBlock * BackwardBlock.Block, segment.QueryCount);
                        _blocks.Add(new(segment, head, first, end, packed + keyHead * perKeyHead, used));
                        used += 2 * ShareSize(_blocks[^1], o);
                        first = end;
                    }
                }

                for (var start = 0; start < segment.KeyCount; start += KeyPack.Block) _sums.Add(new(segment, keyHead, start, firstRun, _blocks.Count));
            }
        }

        return used;
    }

    /// <summary>
    /// How many of the first blocks of queries have a share of all the work: it grows with the square of the position up to the window, and by as much for
    /// each block from there on.
    /// </summary>
    private static double BlocksWithShare(double share, double blocks, double window)
    {
        var work = share * window * (blocks - window / 2);
        return work < window * window / 2 ? Math.Sqrt(2 * work) : window / 2 + work / window;
    }

    private readonly struct PackBackwardKernel(AttentionOperands o, List<AttentionItem> items, AttentionMemory memory) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var n = start; n < end; n++)
            {
                var item = items[n];
                var packed = PackedKeys.At(memory.Workspace + item.Pack, item.Segment.KeyCount, o.HeadSize);
                var keys = o.KeyHead<TFormat>(o.K, item.Segment, item.Head, 0);
                KeyPack.Panels<V, TFormat>(keys, o.KeyStride, item.First, item.End, o.HeadSize, packed.KeyPanels);
                KeyPack.Panels<V, TFormat>(
                    o.KeyHead<TFormat>(o.V, item.Segment, item.Head, 0), o.KeyStride, item.First, item.End, o.HeadSize, packed.ValuePanels);
                KeyPack.Rows<V, TFormat>(keys, o.KeyStride, item.First, item.End, o.HeadSize, packed.KeyRows);
            }
        }
    }

    private readonly struct BackwardKernel(AttentionOperands o, BackwardOperands results, List<AttentionItem> items, AttentionMemory memory) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var n = start; n < end; n++)
            {
                var item = items[n];
                var packed = PackedKeys.At(memory.Workspace + item.Pack, item.Segment.KeyCount, o.HeadSize);
                var keyShare = memory.Workspace + item.Share;
                BackwardBlock.Run<V, TFormat>(o, results, item.Segment, item.Head, item.First, item.End, packed,
                    keyShare, keyShare + ShareSize(item, o), memory.Scratch(part));
            }
        }
    }

    /// <summary>Adds the shares of all runs of a group's heads, in the order of the runs.</summary>
    private readonly struct AddSharesKernel(
        AttentionOperands o, List<AttentionSum> sums, List<AttentionItem> runs, AttentionMemory memory, byte* dk, byte* dv) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var n = start; n < end; n++)
            {
                var sum = sums[n];
                for (var key = sum.FirstKey; key < Math.Min(sum.FirstKey + KeyPack.Block, sum.Segment.KeyCount); key++)
                {
                    var keyGradient = o.KeyHead<TFormat>(dk, sum.Segment, sum.KeyHead, key);
                    var valueGradient = o.KeyHead<TFormat>(dv, sum.Segment, sum.KeyHead, key);
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
            var window = o.WindowOf(sum.Segment);
            var (keySum, valueSum) = (V.Create(0f), V.Create(0f));
            for (var r = sum.FirstRun; r < sum.EndRun; r++)
            {
                // Runs that end before the key, or whose windows begin behind it, do not see it and have no row for it.
                if (runs[r].End <= key || runs[r].First - window >= key) continue;
                var share = memory.Workspace + runs[r].Share + (nint)key * o.PaddedSize + c;
                keySum += V.Load(share);
                valueSum += V.Load(share + ShareSize(runs[r], o));
            }

            TFormat.Store(keyGradient, c, keySum);
            TFormat.Store(valueGradient, c, valueSum);
        }
    }

    /// <summary>Numbers of one run's share in dk, and as many again in dv.</summary>
    private static nint ShareSize(in AttentionItem run, in AttentionOperands o) => (nint)KeyPack.PaddedKeys(run.End) * o.PaddedSize;
}
