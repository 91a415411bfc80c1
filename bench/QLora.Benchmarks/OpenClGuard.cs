using System.Diagnostics;
using QLora.Backends;
using QLora.Cpu;
using QLora.Gpu;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Benchmarks;

/// <summary>
/// The GPU backend's 4-bit product where there is no GPU: on PoCL, beside the SIMD backend's and the machine's limit, turn by turn in one run. It is about the kernel that every
/// device without tensor cores runs, and guards it against getting slower; how fast a GPU is, it does not tell.
/// </summary>
internal static class OpenClGuard
{
    // Two quiet cores of the machine in bench/results reach a tenth, 42 GFLOP/s; 25 would be 6 %. A shared machine loses some of that, but no more than its limit does.
    private const double SmallestShare = 0.05;

    private const int Rows = 256, Size = 1024, Turns = 15;

    private static readonly double Gflop = 2.0 * Rows * Size * Size / 1e9;

    /// <summary>Measures and prints.</summary>
    /// <param name="device">The OpenCL device.</param>
    /// <returns>0, or 1 when the slowest of the device's fused products reaches less than the smallest share of the limit.</returns>
    public static int Run(string device)
    {
        using var gpu = GpuDevice.Open(device);
        using var fused = new GpuBackend(gpu) { Products = ProductChoice.Of(gpu.Accelerator, long.MaxValue) with { OperationsPerByte = double.PositiveInfinity } };
        using var unfused = new GpuBackend(gpu) { Products = fused.Products with { OperationsPerByte = double.NegativeInfinity } };
        using var cpu = new CpuBackend();
        using var limits = new MachineLimits(Environment.ProcessorCount);
        var products = new[]
        {
            new Product(fused, "decoded on the way", nested: true), new Product(fused, "decoded on the way", nested: false),
            new Product(unfused, "decoded before", nested: true), new Product(cpu, "decoded on the way", nested: true),
        };
        var limit = new List<double>();
        for (var turn = 0; turn < Turns; turn++)
        {
            foreach (var product in products) product.Time();
            limit.Add(limits.Gflops().Sustained);
        }

        var yardstick = Median(limit);
        Console.WriteLine($"NF4, {Rows} rows times {Size} x {Size}, medians of {Turns} turns; limit {yardstick:F0} GFLOP/s");
        Console.WriteLine("| backend | weight | scales | forward | backward |\n|---|---|---|---:|---:|");
        foreach (var product in products) Console.WriteLine($"| {product.Name} | {Text(product.Forward)} | {Text(product.Backward)} |");
        var smallest = products.Take(2).Min(product => Math.Min(Median(product.Forward), Median(product.Backward))) / yardstick;
        Console.WriteLine($"smallest share of {device}, decoding on the way: {smallest:P1}; expected {SmallestShare:P0}");
        return smallest < SmallestShare ? 1 : 0;

        string Text(List<double> rates) => $"{Median(rates):F1} GFLOP/s, {Median(rates) / yardstick:P0}";
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    /// <summary>A product of one backend in both directions.</summary>
    private sealed class Product
    {
        private readonly Backend _backend;
        private readonly QuantizedTensor _weight;
        private readonly Tensor _x, _y;
        private readonly float[] _row = new float[Size];

        public Product(Backend backend, string way, bool nested)
        {
            _backend = backend;
            Name = $"{backend.Name} | {way} | {(nested ? "8 bits" : "single")}";
            _weight = backend.Quantize(Filled(Size), QuantizationType.Nf4, 64, nested);
            (_x, _y) = (Filled(Rows), Filled(Rows));
            Time(); // compiles
            Forward.Clear();
            Backward.Clear();
        }

        public string Name { get; }

        /// <summary>GFLOP/s of x·Wᵀ.</summary>
        public List<double> Forward { get; } = [];

        /// <summary>GFLOP/s of y·W.</summary>
        public List<double> Backward { get; } = [];

        public void Time()
        {
            Forward.Add(Rate(() => _backend.MatMul4Bit(_x, _weight, _y, transposeW: true), _y));
            Backward.Add(Rate(() => _backend.MatMul4Bit(_y, _weight, _x, transposeW: false), _x));
        }

        private double Rate(Action product, Tensor result)
        {
            var start = Stopwatch.GetTimestamp();
            product();
            _backend.CopyToHost<float>(result.Slice(0, 1), _row); // when it is over
            return Gflop / Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        private Tensor Filled(int rows)
        {
            var values = new float[rows * Size];
            for (var i = 0; i < values.Length; i++) values[i] = (i * 7919 % 1009 - 504) / 504f / 16;
            return _backend.Upload<float>(new Shape(rows, Size), DType.Float32, values);
        }
    }
}
