using QLora.Backends.Planning;
using QLora.Gpu;
using QLora.Gpu.Kernels;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Tests.Backends.Gpu;

public class ProductChoiceTests
{
    private static readonly ProductChoice OnTensorCores = new(TensorCores: true, OperationsPerByte: 40, LargestScratch: 1L << 30);

    /// <summary>Type of the activations, m, n, k, whether the weight is (n, k), block size, kernel.</summary>
    public static TheoryData<DType, int, int, int, bool, int, string> Kernels => new()
    {
        { DType.BFloat16, 2048, 4096, 4096, true, 64, nameof(ProductKernel.TensorTile) },
        { DType.BFloat16, 2048, 4096, 4096, false, 64, nameof(ProductKernel.TensorTile) },
        { DType.BFloat16, 33, 20, 16, true, 16, nameof(ProductKernel.TensorTile) },
        { DType.BFloat16, 33, 20, 16, false, 16, nameof(ProductKernel.LooseTile) },
        { DType.BFloat16, 33, 18, 16, true, 16, nameof(ProductKernel.Tile) },
        { DType.BFloat16, 32, 4096, 4096, true, 64, nameof(ProductKernel.Tile) },
        { DType.BFloat16, 2048, 4096, 4096, true, 8, nameof(ProductKernel.LooseTile) },
        { DType.BFloat16, 2048, 4096, 4104, true, 64, nameof(ProductKernel.LooseTile) },
        { DType.Float32, 2048, 4096, 4096, true, 64, nameof(ProductKernel.Tile) },
        { DType.BFloat16, 1, 4096, 4096, true, 64, nameof(ProductKernel.Vector) },
        { DType.BFloat16, 1, 4096, 4096, false, 64, nameof(ProductKernel.Tile) },
    };

    [Theory, MemberData(nameof(Kernels))]
    public void A_kernel_for_each_product(DType activations, int m, int n, int k, bool transpose, int blockSize, string expected)
    {
        var shape = Product(m, n, k, transpose);
        Assert.Equal(expected, OnTensorCores.KernelOf(shape, activations, beginAligned: true, blockSize).ToString());
        if (expected != nameof(ProductKernel.TensorTile)) return;
        Assert.Equal(ProductKernel.LooseTile, OnTensorCores.KernelOf(shape, activations, beginAligned: false, blockSize));
        Assert.Equal(ProductKernel.Tile, OnTensorCores.KernelOf(shape, activations, beginAligned: true, blockSize, alpha: 2));
        Assert.Equal(ProductKernel.Tile, (OnTensorCores with { TensorCores = false }).KernelOf(shape, activations, beginAligned: true, blockSize));
        shape.LeftRow = 1;
        shape.LeftColumn = m;
        Assert.NotEqual(ProductKernel.TensorTile, OnTensorCores.KernelOf(shape, activations, beginAligned: true, blockSize));
    }

    /// <summary>Multiprocessors, GHz and GB/s of RTX 4060, RTX 4090 and H100 (SXM), by their data sheets, and up to how many rows a weight is decoded on the way.</summary>
    [Theory]
    [InlineData(24, 2.46, 272, 2048)]
    [InlineData(128, 2.52, 1008, 3072)]
    [InlineData(132, 1.98, 3352, 768)]
    public void Many_rows_have_their_weight_decoded_before(int multiprocessors, double gigahertz, double gigabytes, int rows)
    {
        var choice = OnTensorCores with { OperationsPerByte = multiprocessors * 128 * gigahertz / gigabytes };
        using var planning = new PlanningBackend(OpWorkspaces.None);
        var weight = planning.Quantize(planning.Allocate(new Shape(4096, 4096)), QuantizationType.Nf4, blockSize: 64, doubleQuantization: true);
        Assert.False(Before(choice, rows));
        Assert.True(Before(choice, rows + 1));
        Assert.False(Before(choice with { LargestScratch = 1 << 20 }, 8192));

        bool Before(ProductChoice choice, int m) => choice.DecodesBefore(Product(m, 4096, 4096, true), planning.Allocate(new Shape(m, 4096), DType.BFloat16), weight);
    }

    /// <summary>Operands of whole runs that begin anywhere, which a GPU could not load 16 bytes at a time.</summary>
    [Fact]
    public void Tensors_may_begin_at_any_element()
    {
        using var device = GpuDevice.Open(GpuDevices.Emulation);
        using var backend = new GpuBackend(device);
        var (x, w) = (Values.Normal(1, 2, 16), Values.Normal(2, 3, 16));
        using var all = backend.Upload<float>(new Shape(1 + 2 * 16 + 3 * 16 + 2 * 3), DType.Float32, [0, .. x.Data, .. w.Data, 0, 0, 0, 0, 0, 0]);
        var (a, b, c) = (At(1, 2, 16), At(1 + 2 * 16, 3, 16), At(1 + 2 * 16 + 3 * 16, 2, 3));
        backend.MatMul(a, b, c, transposeB: true);
        var actual = new float[2 * 3];
        backend.CopyToHost<float>(c, actual);
        for (var i = 0; i < actual.Length; i++)
        {
            var expected = 0.0;
            for (var k = 0; k < 16; k++) expected += (double)x.Data[i / 3 * 16 + k] * w.Data[i % 3 * 16 + k];
            Assert.Equal(expected, actual[i], 1e-5);
        }

        Tensor At(int first, int rows, int columns) => new(all.Buffer, first * sizeof(float), new Shape(rows, columns), DType.Float32);
    }

    /// <summary>A plan asks for it.</summary>
    [Theory]
    [InlineData(double.NegativeInfinity, 48 * 32 * sizeof(float))]
    [InlineData(double.PositiveInfinity, 0)]
    public void The_decoded_weight_is_a_workspace_of_the_op(double operationsPerByte, long bytes)
    {
        using var device = GpuDevice.Open(GpuDevices.Emulation);
        using var backend = new GpuBackend(device) { Products = OnTensorCores with { TensorCores = false, OperationsPerByte = operationsPerByte } };
        using var workspace = new Workspace(backend);
        var weight = workspace.Quantize(Values.Normal(1, 48, 32), QuantizationType.Nf4, 64, doubleQuantization: false);
        var x = workspace.Fresh(2, 32);
        Assert.Equal(bytes > 0 ? [bytes] : [], backend.Workspaces.MatMul4Bit(x, weight, transposeW: true));
        Assert.Equal([], backend.Workspaces.MatMul4Bit(workspace.Fresh(1, 32), weight, transposeW: true));
    }

    private static ProductShape Product(int m, int n, int k, bool transpose) => new()
    {
        M = m, N = n, K = k, LeftRow = k, LeftColumn = 1, RightRow = transpose ? 1 : n, RightColumn = transpose ? k : 1,
    };
}
