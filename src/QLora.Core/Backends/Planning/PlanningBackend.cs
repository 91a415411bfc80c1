using System.Runtime.InteropServices;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Backends.Planning;

/// <summary>
/// Computes nothing and counts memory: a model that is loaded and trained here takes from the pool what it takes on the backend whose workspaces are given, and nothing
/// from the system. What is copied to the host is zeros, but for the experts of a mixture, who all get their turn.
/// </summary>
/// <param name="workspaces">What the ops of the other backend take for themselves.</param>
public partial class PlanningBackend(OpWorkspaces workspaces) : Backend
{
    private readonly PlanningPool _pool = new(workspaces.OwnMemory), _pinned = new(wholeRegions: true);
    private DeviceBuffer? _uploadMemory, _productMemory;
    private ulong _routes;

    /// <inheritdoc/>
    public override string Name => "planning";

    /// <summary>Whether the buffers of the other backend lie apart from the process's memory.</summary>
    public bool OwnMemory => workspaces.OwnMemory;

    /// <inheritdoc/>
    public override MemoryStatistics Memory => _pool.Statistics;

    /// <inheritdoc/>
    public override bool CanOffload => true;

    /// <inheritdoc/>
    public override MemoryStatistics PinnedMemory => _pinned.Statistics;

    /// <inheritdoc/>
    public override DeviceBuffer AllocateBuffer(long bytes) => _pool.Allocate(bytes);

    /// <inheritdoc/>
    public override void EndStep()
    {
        _pool.EndStep();
        _pinned.EndStep();
    }

    /// <inheritdoc/>
    protected override DeviceBuffer AllocatePinnedBuffer(long bytes) => _pinned.Allocate(bytes);

    /// <inheritdoc/>
    protected override void OffloadCore(Tensor source, Tensor pinned) { }

    /// <inheritdoc/>
    protected override void FetchCore(Tensor pinned, Tensor destination) { }

    /// <inheritdoc/>
    protected override void CopyFromHostCore(ReadOnlySpan<byte> source, Tensor destination)
    {
        if (workspaces.Uploads > 0) _uploadMemory ??= AllocateBuffer(workspaces.Uploads);
    }

    /// <inheritdoc/>
    protected override void CopyToHostCore(Tensor source, Span<byte> destination)
    {
        destination.Clear();
        if (source.Buffer is PlanningPool.PlannedBuffer { Experts: > 0 and var experts }) Choose(experts, source.Columns, MemoryMarshal.Cast<byte, int>(destination));
    }

    /// <inheritdoc/>
    protected override void CopyCore(Tensor source, Tensor destination) { }

    /// <inheritdoc/>
    protected override void ClearCore(Tensor x) { }

    /// <inheritdoc/>
    protected override void MatMulCore(Tensor a, Tensor b, Tensor c, bool transposeA, bool transposeB, float alpha, float beta)
        => UseProductMemory(a, c, transposeA ? a.Rows : a.Columns);

    /// <inheritdoc/>
    protected override void MatMul4BitCore(Tensor x, QuantizedTensor w, Tensor y, bool transposeW, float beta, LowRankBranch? branch)
    {
        UseProductMemory(x, y, x.Columns + (branch?.U.Columns ?? 0));
        Use(workspaces.MatMul4Bit(x, w, transposeW));
    }

    /// <inheritdoc/>
    protected override void AttentionCore(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor? logSumExp, ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
        => Use(workspaces.Attention(Heads(q, k), segments, options));

    /// <inheritdoc/>
    protected override void AttentionBackwardCore(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor dq, Tensor dk, Tensor dv,
        ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
        => Use(workspaces.AttentionBackward(Heads(q, k), segments, options));

    /// <inheritdoc/>
    protected override void RmsNormBackwardCore(Tensor x, Tensor weight, Tensor dy, Tensor? dx, Tensor? dWeight, float epsilon, bool accumulate)
    {
        if (dWeight is not null) Use(workspaces.RmsNormBackward(x.Rows));
    }

    /// <inheritdoc/>
    protected override void LayerNormBackwardCore(
        Tensor x, Tensor weight, Tensor dy, Tensor? dx, Tensor? dWeight, Tensor? dBias, float epsilon, bool accumulate)
    {
        if (dWeight is not null) Use(workspaces.LayerNormBackward(x.Rows));
    }

    /// <inheritdoc/>
    protected override void SumOfSquaresCore(Tensor x, Tensor sums) => Use(workspaces.SumOfSquares(x.Count));

    /// <inheritdoc/>
    protected override QuantizedTensor QuantizeCore(Tensor weight, QuantizationType type, int blockSize, bool doubleQuantization)
        => While(workspaces.Quantize(weight.Count, blockSize), () => BlockQuantizer.Allocate(weight.Shape, type, blockSize, doubleQuantization, this));

    /// <inheritdoc/>
    protected override void RouteCore(Tensor logits, Tensor experts, Tensor weights, bool normalize)
        => ((PlanningPool.PlannedBuffer)experts.Buffer).Experts = logits.Columns;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing) return;
        _uploadMemory?.Dispose();
        _productMemory?.Dispose();
        _pool.Dispose();
        _pinned.Dispose();
    }

    /// <summary>
    /// Experts for every token, at random, some likelier than others: as with a router, how many tokens each gets differs from pass to pass, and with it the sizes of buffers.
    /// </summary>
    private void Choose(int experts, int perToken, Span<int> chosen)
    {
        _routes++;
        for (var slot = 0; slot < chosen.Length; slot++)
        {
            var token = chosen[(slot / perToken * perToken)..slot];
            var word = (ulong)slot << 8;
            do
            {
                // The square makes the first expert likeliest, and the last half as likely as the average.
                var uniform = Philox.Uniform(Philox.Word(seed: 0, _routes, word++));
                chosen[slot] = (int)(uniform * uniform * experts);
            }
            while (token.Contains(chosen[slot]));
        }
    }

    private static HeadShape Heads(Tensor q, Tensor k) => new(q.Shape[1], k.Shape[1], q.Shape[2]);

    private void UseProductMemory(Tensor left, Tensor result, int inner)
    {
        if (workspaces.Products > 0) _productMemory ??= AllocateBuffer(workspaces.Products);
        Use(workspaces.Product(result.Rows, result.Columns, inner, left.DType, result.DType));
    }

    private void Use(long[] sizes) => While(sizes, () => true);

    /// <summary>Does something while workspaces are taken, which are given back in reverse, as nested <c>using</c>s do.</summary>
    private T While<T>(long[] sizes, Func<T> action)
    {
        var taken = Array.ConvertAll(sizes, AllocateBuffer);
        var result = action();
        foreach (var buffer in taken.Reverse()) buffer.Dispose();
        return result;
    }
}
