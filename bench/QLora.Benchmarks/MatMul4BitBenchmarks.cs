using BenchmarkDotNet.Attributes;
using QLora.Cpu;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Benchmarks;

/// <summary>
/// A 4-bit weight times activations, both ways, in the shapes of SmolLM2 and in a large square; one of its operations is 2 · Rows · Out · In floating-point operations.
/// The limit to compare with is measured in the same run and printed before each case.
/// </summary>
[MemoryDiagnoser]
public class MatMul4BitBenchmarks
{
    private CpuBackend _backend = null!;
    private QuantizedTensor _weight = null!;
    private Tensor _x, _y;

    /// <summary>Rows of the activations.</summary>
    [Params(1, 128, 512)]
    public int Rows { get; set; }

    /// <summary>The weight, out × in.</summary>
    [Params("576x576", "1536x576", "576x1536", "2048x2048")]
    public string Weight { get; set; } = "";

    /// <summary>Fills the operands with numbers of a fixed pattern.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        var sizes = Weight.Split('x').Select(int.Parse).ToArray();
        _backend = new CpuBackend();
        using var dense = Filled(sizes[0], sizes[1]);
        _weight = _backend.Quantize(dense, QuantizationType.Nf4, 64, doubleQuantization: true);
        (_x, _y) = (Filled(Rows, sizes[1]), Filled(Rows, sizes[0]));
        var limit = MachineLimits.Measure(Environment.ProcessorCount);
        Console.WriteLine($"// limit: {limit.Gflops:F0} GFLOP/s, {limit.MemoryBandwidthGBs:F0} GB/s; an operation is {2.0 * Rows * sizes[0] * sizes[1] / 1e9:F3} GFLOP");
    }

    /// <summary>y ← x·Wᵀ.</summary>
    [Benchmark]
    public void Forward() => _backend.MatMul4Bit(_x, _weight, _y, transposeW: true);

    /// <summary>x ← y·W, the gradient of the input.</summary>
    [Benchmark]
    public void Backward() => _backend.MatMul4Bit(_y, _weight, _x, transposeW: false);

    /// <summary>Gives the memory back.</summary>
    [GlobalCleanup]
    public void CleanUp()
    {
        _weight.Dispose();
        _x.Dispose();
        _y.Dispose();
        _backend.Dispose();
    }

    private Tensor Filled(int rows, int columns)
    {
        var values = new float[rows * columns];
        for (var i = 0; i < values.Length; i++) values[i] = (i * 7919 % 1009 - 504) / 504f;
        return _backend.Upload<float>(new Shape(rows, columns), DType.Float32, values);
    }
}
