using QLora.Backends;
using QLora.Backends.Planning;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    // CUDA's context, the code of kernels and the stack of lanes: some 300 to 500 MB as other programs report it. It was not measured here.
    private const long CudaDriverBytes = 512 << 20;

    /// <inheritdoc/>
    public override OpWorkspaces Workspaces => new GpuWorkspaces(Products, UploadBytes(Name), DriverBytes(Name));

    /// <summary>What a run on a device takes, for those who plan one; the device need not be there.</summary>
    /// <param name="device">Its name, as <see cref="GpuDevice.Open"/> knows it.</param>
    /// <param name="memory">How much of its memory may be used, in bytes.</param>
    public static OpWorkspaces WorkspacesOf(string device, long memory) =>
        new GpuWorkspaces(ProductChoice.Planned(GpuDevices.IsCuda(device), memory - DriverBytes(device)), UploadBytes(device), DriverBytes(device));

    private static long DriverBytes(string device) => GpuDevices.IsCuda(device) ? CudaDriverBytes : 0;

    private static long UploadBytes(string device) => device == GpuDevices.Emulation ? 0 : StagingBuffer.MirroredBytes;

    /// <summary>The sizes that the ops themselves ask for.</summary>
    /// <param name="products">How products are made.</param>
    /// <param name="uploadBytes">What uploads pass through on the device.</param>
    /// <param name="driverBytes">What the driver takes.</param>
    private sealed class GpuWorkspaces(ProductChoice products, long uploadBytes, long driverBytes) : OpWorkspaces
    {
        public override bool OwnMemory => true;

        public override long DriverBytes => driverBytes;

        public override long Uploads => uploadBytes;

        public override long[] MatMul4Bit(Tensor x, QuantizedTensor w, bool transposeW)
            => products.DecodesBefore(NewProduct(x, w, transposeW), x, w) ? [x.DType.Bytes(w.Shape.Count)] : [];

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
