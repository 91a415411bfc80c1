using QLora.Backends;
using QLora.Backends.Planning;
using QLora.Gpu;
using QLora.Gpu.Kernels;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Benchmarks.Roofline;

/// <summary>
/// Takes a training step with the engine's own code and computes nothing: notes what each kernel of the GPU backend would have to do, in the tiles that it is written with.
/// An op that moves memory alone is a line: the tensors that it reads and writes.
/// </summary>
/// <param name="products">How products are made.</param>
/// <param name="workspaces">What the ops take for themselves.</param>
internal sealed class CountingBackend(ProductChoice products, OpWorkspaces workspaces) : PlanningBackend(workspaces)
{
    private List<Work> _step = [];

    /// <summary>What was done in the last whole step, in order.</summary>
    public List<Work> LastStep { get; private set; } = [];

    public override void EndStep()
    {
        base.EndStep();
        (LastStep, _step) = (_step, []);
    }

    protected override void CopyCore(Tensor source, Tensor destination) => Move("Copy", source, destination);

    protected override void ClearCore(Tensor x) => Move("Clear", x);

    protected override void AddCore(Tensor x, Tensor y, float alpha) => Move("Add", x, y, y);

    protected override void ScaleCore(Tensor x, float factor) => Move("Scale", x, x);

    protected override void EmbeddingCore(Tensor ids, Tensor weight, Tensor y) => Move("Embedding", ids, y, y);

    protected override void EmbeddingBackwardCore(Tensor ids, Tensor dy, Tensor dWeight) => Move("EmbeddingBackward", ids, dy, dy, dy);

    protected override void RmsNormCore(Tensor x, Tensor weight, Tensor y, float epsilon) => Move("RmsNorm", x, weight, y);

    protected override void RotaryCore(Tensor x, Tensor positions, Tensor cos, Tensor sin, bool inverse) => Move("Rotary", x, x, positions);

    protected override void SwiGluCore(Tensor gate, Tensor up, Tensor y) => Move("SwiGlu", gate, up, y);

    protected override void SwiGluBackwardCore(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) => Move("SwiGluBackward", gate, up, dy, dGate, dUp);

    protected override void DropoutCore(Tensor x, Tensor y, float probability, ulong seed, ulong stream, bool accumulate) => Move("Dropout", x, y);

    protected override void SumCore(Tensor x, Tensor sums) => Move("Sum", x);

    protected override void CrossEntropyCore(Tensor logits, Tensor labels, Tensor losses, float? gradientScale) => Move("CrossEntropy", logits, logits, logits, labels, losses);

    protected override void AdamWCore(Tensor parameter, Tensor gradient, Tensor firstMoment, Tensor secondMoment, AdamWStep step) =>
        Move("AdamW", parameter, gradient, firstMoment, secondMoment, parameter, firstMoment, secondMoment);

    protected override void AdamW8BitCore(Tensor parameter, Tensor gradient, QuantizedMoment firstMoment, QuantizedMoment secondMoment, AdamWStep step) => Move(
        "AdamW8Bit", parameter, gradient, firstMoment.Codes, firstMoment.AbsMax, secondMoment.Codes, secondMoment.AbsMax,
        parameter, firstMoment.Codes, firstMoment.AbsMax, secondMoment.Codes, secondMoment.AbsMax);

    protected override void SumOfSquaresCore(Tensor x, Tensor sums)
    {
        base.SumOfSquaresCore(x, sums);
        Move("SumOfSquares", x);
    }

    protected override void RmsNormBackwardCore(Tensor x, Tensor weight, Tensor dy, Tensor? dx, Tensor? dWeight, float epsilon, bool accumulate)
    {
        base.RmsNormBackwardCore(x, weight, dy, dx, dWeight, epsilon, accumulate);
        if (accumulate) Move("RmsNormBackward", x, weight, dy, dx!.Value, dx.Value);
        else Move("RmsNormBackward", x, weight, dy, dx ?? dy);
    }

    protected override void AttentionCore(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor? logSumExp, ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
    {
        base.AttentionCore(q, k, v, y, logSumExp, segments, options);

        // Of a tile of queries and one of keys: queries times keys, and times values; each of the three tiles is asked for once.
        Attend("Attention", Bytes(q, k, v, y), products: 2, tiles: 3, q, segments);
    }

    protected override void AttentionBackwardCore(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor dq, Tensor dk, Tensor dv, ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
    {
        base.AttentionBackwardCore(q, k, v, y, logSumExp, dy, dq, dk, dv, segments, options);

        // The kernel of dv multiplies twice, those of dk and dq three times; they ask for three, five and five tiles.
        Attend("AttentionBackward", (3 * Bytes(q, k, dy)) + (2 * Bytes(v)) + Bytes(y, dy, dq, dk, dv), products: 8, tiles: 13, q, segments);
    }

    protected override void MatMulCore(Tensor a, Tensor b, Tensor c, bool transposeA, bool transposeB, float alpha, float beta)
    {
        base.MatMulCore(a, b, c, transposeA, transposeB, alpha, beta);
        var shape = GpuBackend.NewProduct(c.Rows, c.Columns, transposeA ? a.Rows : a.Columns, transposeA, transposeB);
        Multiply("MatMul", products.KernelOf(shape, a.DType, beginAligned: true, alpha: alpha), shape, a, b.Bytes, c, beta, null, decoding: 0);
    }

    protected override void MatMul4BitCore(Tensor x, QuantizedTensor w, Tensor y, bool transposeW, float beta, LowRankBranch? branch)
    {
        base.MatMul4BitCore(x, w, y, transposeW, beta, branch);
        var shape = GpuBackend.NewProduct(x, w, transposeW);
        if (!products.DecodesBefore(shape, x, w))
        {
            Multiply("MatMul4Bit", products.KernelOf(shape, x.DType, beginAligned: true, w.BlockSize), shape, x, w.Bytes, y, beta, branch, ProductChoice.OperationsOfRun);
            return;
        }

        var decoded = x.DType.Bytes(w.Shape.Count);
        _step.Add(new Work("MatMul4Bit, decoding before", w.Bytes + decoded, w.Bytes + decoded, LaneFlops: 2 * ProductChoice.OperationsOfRun * w.Shape.Count));
        Multiply("MatMul4Bit, decoded", products.KernelOf(shape, x.DType, beginAligned: true), shape, x, decoded, y, beta, branch, decoding: 0);
    }

    private void Multiply(string op, ProductKernel kernel, ProductShape shape, Tensor left, double right, Tensor result, float beta, LowRankBranch? branch, double decoding)
    {
        var size = kernel switch { ProductKernel.Vector => 1, ProductKernel.TensorTile => TensorTile.Size, _ => Tile.Size };
        double down = Whole(shape.M, size), across = Whole(shape.N, size);
        var rank = branch?.U.Columns ?? 0;
        var flops = 2 * down * across * size * size * (shape.K + rank);
        var lanes = 2 * decoding * down * shape.N * shape.K;
        var results = (beta == 0 ? 1 : 2) * result.Bytes;
        double leftBytes = left.Bytes + (branch?.U.Bytes ?? 0), rightBytes = right + (branch?.V.Bytes ?? 0);
        var tensor = kernel == ProductKernel.TensorTile;
        _step.Add(new Work(
            $"{op}, {kernel}", leftBytes + rightBytes + results, (across * leftBytes) + (down * rightBytes) + results, tensor ? flops : 0, lanes + (tensor ? 0 : flops)));
    }

    private void Attend(string op, double bytes, int products, int tiles, Tensor q, ReadOnlySpan<AttentionSegment> segments)
    {
        var pairs = 0.0; // of a tile of queries and one of keys, on and below the diagonal
        foreach (var segment in segments) pairs += Whole(segment.QueryCount, Tile.Size) * (Whole(segment.QueryCount, Tile.Size) + 1) / 2;
        var tile = pairs * q.Shape[1] * Tile.Size * q.Shape[2];
        _step.Add(new Work(op, bytes, (tiles * tile * q.DType.Bytes(1)) + bytes, LaneFlops: 2 * products * tile * Tile.Size));
    }

    private void Move(string op, params ReadOnlySpan<Tensor> tensors)
    {
        var bytes = Bytes(tensors);
        _step.Add(new Work(op, bytes, bytes));
    }

    private static double Bytes(params ReadOnlySpan<Tensor> tensors)
    {
        var bytes = 0.0;
        foreach (var tensor in tensors) bytes += tensor.Bytes;
        return bytes;
    }

    private static double Whole(int extent, int size) => (extent + size - 1) / size;
}
