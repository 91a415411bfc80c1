using BenchmarkDotNet.Attributes;
using QLora.Cpu;
using QLora.Tensors;
using static TorchSharp.torch;
using TorchTensor = TorchSharp.torch.Tensor;

namespace QLora.Benchmarks.Peers;

/// <summary>A dense weight times activations, x·Wᵀ, here and in libtorch, in single precision and in BFloat16: the same numbers in the same process.</summary>
[Config(typeof(LimitColumns))]
public class TorchBenchmarks
{
    private CpuBackend _backend = null!;
    private Product _single = null!, _half = null!;

    /// <summary>Rows of the activations; so many that multiply-adds are the limit.</summary>
    [Params(128, 512)]
    public int Rows { get; set; }

    /// <summary>The weight, out × in.</summary>
    [Params("576x1536", "2048x2048")]
    public string Weight { get; set; } = "";

    /// <summary>Fills the operands with numbers of a fixed pattern.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        set_num_threads(Environment.ProcessorCount);
        _backend = new CpuBackend();
        var (outSize, inSize) = MatMul4BitBenchmarks.Sizes(Weight);
        _single = new Product(_backend, Rows, outSize, inSize, DType.Float32, ScalarType.Float32);
        _half = new Product(_backend, Rows, outSize, inSize, DType.BFloat16, ScalarType.BFloat16);
    }

    /// <summary>Here, in single precision.</summary>
    [Benchmark(Baseline = true)]
    public void Float32() => _single.Multiply();

    /// <summary>Here, in BFloat16.</summary>
    [Benchmark]
    public void BFloat16() => _half.Multiply();

    /// <summary>libtorch, in single precision.</summary>
    [Benchmark]
    public void TorchFloat32() => _single.MultiplyInTorch();

    /// <summary>libtorch, in BFloat16.</summary>
    [Benchmark]
    public void TorchBFloat16() => _half.MultiplyInTorch();

    /// <summary>Gives the memory back.</summary>
    [GlobalCleanup]
    public void CleanUp()
    {
        _single.Dispose();
        _half.Dispose();
        _backend.Dispose();
    }

    /// <summary>y ← x·Wᵀ with operands of one type on both sides.</summary>
    private sealed class Product(CpuBackend backend, int rows, int outSize, int inSize, DType dtype, ScalarType torchType) : IDisposable
    {
        private readonly Tensors.Tensor _x = Filled(backend, rows, inSize, dtype), _weight = Filled(backend, outSize, inSize, dtype);
        private readonly Tensors.Tensor _y = backend.Allocate(new Shape(rows, outSize), dtype);
        private readonly TorchTensor _torchX = tensor(Pattern(rows * inSize)).reshape(rows, inSize).to(torchType);
        private readonly TorchTensor _torchWeight = tensor(Pattern(outSize * inSize)).reshape(outSize, inSize).to(torchType);

        public void Multiply() => backend.MatMul(_x, _weight, _y, transposeB: true);

        public void MultiplyInTorch()
        {
            using var mode = inference_mode();
            nn.functional.linear(_torchX, _torchWeight).Dispose();
        }

        public void Dispose()
        {
            foreach (var ours in new[] { _x, _weight, _y }) ours.Dispose();
            _torchX.Dispose();
            _torchWeight.Dispose();
        }

        private static float[] Pattern(int count) => [.. Enumerable.Range(0, count).Select(i => (i * 7919 % 1009 - 504) / 504f)];

        private static Tensors.Tensor Filled(CpuBackend backend, int rows, int columns, DType dtype)
        {
            var (shape, values) = (new Shape(rows, columns), Pattern(rows * columns));
            if (dtype == DType.Float32) return backend.Upload<float>(shape, dtype, values);
            return backend.Upload<ushort>(shape, dtype, Array.ConvertAll(values, value => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16)));
        }
    }
}
