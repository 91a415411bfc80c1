using BenchmarkDotNet.Attributes;
using QLora.Cpu;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Benchmarks;

/// <summary>
/// A 4-bit weight times activations, both ways: a token of generation, a few, and micro-batches; of a large square and of one of SmolLM2's layers. Each call takes another
/// weight, as a model's layers do, so that weights come from memory.
/// </summary>
[Config(typeof(LimitColumns))]
public class MatMul4BitBenchmarks
{
    private const int BlockSize = 64;
    private const long WeightBytes = 128L << 20;

    private CpuBackend _backend = null!;
    private QuantizedTensor[] _weights = null!;
    private Tensor _x, _y;
    private int _next;

    /// <summary>Rows of the activations.</summary>
    [Params(1, 8, 128, 512)]
    public int Rows { get; set; }

    /// <summary>The weight, out × in.</summary>
    [Params("576x1536", "2048x2048")]
    public string Weight { get; set; } = "";

    /// <summary>Two operations a weight and row; half a byte a weight, and a byte a block.</summary>
    internal static Work WorkOf(int rows, string weight)
    {
        var (outSize, inSize) = Sizes(weight);
        var count = (double)outSize * inSize;
        return new Work(2 * rows * count, count / 2 + count / BlockSize);
    }

    /// <summary>Fills the operands with numbers of a fixed pattern.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        var (outSize, inSize) = Sizes(Weight);
        _backend = new CpuBackend();
        using var dense = Filled(outSize, inSize);
        var weights = (int)(WeightBytes / WorkOf(Rows, Weight).Bytes);
        _weights = [.. Enumerable.Range(0, weights).Select(_ => _backend.Quantize(dense, QuantizationType.Nf4, BlockSize, doubleQuantization: true))];
        (_x, _y) = (Filled(Rows, inSize), Filled(Rows, outSize));
    }

    /// <summary>y ← x·Wᵀ.</summary>
    [Benchmark]
    public void Forward() => _backend.MatMul4Bit(_x, Next(), _y, transposeW: true);

    /// <summary>x ← y·W, the gradient of the input.</summary>
    [Benchmark]
    public void Backward() => _backend.MatMul4Bit(_y, Next(), _x, transposeW: false);

    /// <summary>Gives the memory back.</summary>
    [GlobalCleanup]
    public void CleanUp()
    {
        foreach (var weight in _weights) weight.Dispose();
        _x.Dispose();
        _y.Dispose();
        _backend.Dispose();
    }

    private QuantizedTensor Next() => _weights[_next = (_next + 1) % _weights.Length];

    /// <summary>The sizes of a weight by its name.</summary>
    internal static (int Out, int In) Sizes(string weight)
    {
        var sizes = weight.Split('x');
        return (int.Parse(sizes[0]), int.Parse(sizes[1]));
    }

    private Tensor Filled(int rows, int columns)
    {
        var values = new float[rows * columns];
        for (var i = 0; i < values.Length; i++) values[i] = (i * 7919 % 1009 - 504) / 504f;
        return _backend.Upload<float>(new Shape(rows, columns), DType.Float32, values);
    }
}
