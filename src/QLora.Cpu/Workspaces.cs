using QLora.Backends;
using QLora.Backends.Planning;
using QLora.Cpu.Attention;
using QLora.Cpu.Gemm;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override OpWorkspaces Workspaces => new CpuWorkspaces(this);

    /// <summary>The sizes that the ops themselves ask for.</summary>
    private sealed class CpuWorkspaces(CpuBackend backend) : OpWorkspaces
    {
        public override long Products => ProductMemory.Size(backend._team.Threads) * sizeof(float);

        public override long[] Product(int rows, int columns, int inner, DType left, DType result)
        {
            var bytes = backend.SumsBytes(rows, columns, inner, backend.TakesPairs(left, result), result);
            return bytes > 0 ? [bytes] : [];
        }

        public override long[] Attention(HeadShape shape, ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
        {
            var (workspace, scratch) = backend.PlanForward(Operands(shape, options), segments);
            return [workspace * sizeof(float), backend.ScratchBytes(scratch)];
        }

        public override long[] AttentionBackward(HeadShape shape, ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
            => [backend.PlanBackward(Operands(shape, options), segments) * sizeof(float), backend.ScratchBytes(BackwardBlock.ScratchSize(shape.HeadSize))];

        public override long[] RmsNormBackward(int rows) => [RmsNormFactorBytes(rows)];

        public override long[] LayerNormBackward(int rows) => [RowMomentBytes(rows)];

        public override long[] SumOfSquares(long count) => [SumBlocks(count) * sizeof(double)];

        public override long[] Quantize(long count, int blockSize) => [BlockQuantizer.CodeBytes(count), BlockQuantizer.BlockCount(count, blockSize) * (long)sizeof(float)];

        private static AttentionOperands Operands(HeadShape shape, AttentionOptions options) => new(null, null, null, shape.Heads, shape.KeyHeads, shape.HeadSize, options);
    }
}
