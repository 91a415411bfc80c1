using QLora.Backends;
using QLora.Backends.Planning;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    public override OpWorkspaces Workspaces => new GpuWorkspaces(this);

    /// <summary>The sizes that the ops themselves ask for.</summary>
    private sealed class GpuWorkspaces(GpuBackend backend) : OpWorkspaces
    {
        public override long[] MatMul4Bit(Tensor x, QuantizedTensor w, bool transposeW)
            => backend.Products.DecodesBefore(NewProduct(x, w, transposeW), x, w) ? [x.DType.Bytes(w.Shape.Count)] : [];

        public override long[] AttentionBackward(HeadShape shape, ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
        {
            var tokens = 0L;
            foreach (var segment in segments) tokens += segment.QueryCount;
            return [tokens * shape.Heads * sizeof(float)];
        }

        public override long[] RmsNormBackward(int rows) => [(long)rows * sizeof(float)];

        public override long[] LayerNormBackward(int rows) => [(long)rows * sizeof(float), (long)rows * sizeof(float)];

        public override long[] Quantize(long count, int blockSize) => [BlockQuantizer.BlockCount(count, blockSize) * (long)sizeof(float)];
    }
}
