using QLora.Cpu;
using QLora.Cpu.Gemm.BFloat16;
using QLora.Cpu.MachineCode;
using QLora.Tensors;

namespace QLora.Tests.Backends.Cpu.MachineCode;

public sealed unsafe class PairTileTests
{
    // Single-precision sums of up to 1200 products.
    private const double Tolerance = 1e-5;

    [Fact]
    public void There_are_tiles_exactly_where_the_processor_has_the_instruction()
    {
        Assert.Equal(PairInstructions.IsInProcessor, PackedPairTile.All is not null);
        Assert.Equal(PairInstructions.IsInProcessor, new CpuBackend(1, VectorWidths.Supported[^1], machineCode: true).MultipliesPairs);
        if (OperatingSystem.IsLinux()) Assert.Equal(File.ReadAllText("/proc/cpuinfo").Contains("avx512_bf16"), PairInstructions.IsInProcessor);
    }

    [Theory]
    [InlineData("on", true)]
    [InlineData("off", false)]
    [InlineData("perhaps", null)]
    public void The_variable_decides_it(string value, bool? wanted)
    {
        var before = Environment.GetEnvironmentVariable(PairInstructions.Variable);
        try
        {
            Environment.SetEnvironmentVariable(PairInstructions.Variable, value);
            if (wanted is not null) Assert.Equal(wanted, PairInstructions.AreWanted());
            else Assert.Equal("QLORA_MACHINE_CODE is 'perhaps', expected 'on' or 'off'", Assert.Throws<QLoraException>(() => PairInstructions.AreWanted()).Message);
        }
        finally
        {
            Environment.SetEnvironmentVariable(PairInstructions.Variable, before);
        }
    }

    [Fact]
    public void Without_it_the_faster_products_are_taken()
    {
        var before = Environment.GetEnvironmentVariable(PairInstructions.Variable);
        try
        {
            Environment.SetEnvironmentVariable(PairInstructions.Variable, null);
            Assert.Equal(PairInstructions.AreFaster, PairInstructions.AreWanted());
            Assert.False(PairInstructions.AreFaster && !PairInstructions.IsInProcessor);
            using var limits = new MachineLimits(1);
            if (PairInstructions.IsInProcessor) Assert.Equal(PairInstructions.AreFaster, limits.BFloat16Gflops() is { } pairs && pairs.Peak > limits.Gflops().Peak);
        }
        finally
        {
            Environment.SetEnvironmentVariable(PairInstructions.Variable, before);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(33)]
    [InlineData(500)]
    public void Every_tile_adds_the_products_of_pairs(int pairs) => Assert.All(PackedPairTile.All ?? [], tile =>
    {
        CheckTile(tile.Rows, tile.Vectors, pairs, tile.More.Multiply);
        CheckTile(tile.Rows, tile.Vectors, pairs, tile.First.Multiply, isFirst: true);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public void Sums_are_rounded_to_the_nearest(int pairs) => Assert.All(PackedPairTile.All ?? [], tile =>
    {
        var (left, right) = (Values.Normal(1, 2 * pairs * tile.Rows), Values.Normal(2, 2 * pairs * tile.Width));
        var (sums, rounded) = (new float[PackedPairTile.Sums], new float[PackedPairTile.Sums]);
        fixed (ushort* a = Array.ConvertAll(left.Data, BFloat16.Round), b = Array.ConvertAll(right.Data, BFloat16.Round))
        fixed (float* exact = sums, results = rounded)
        {
            tile.First.Multiply(pairs, (uint*)a, (uint*)b, exact);
            tile.Rounded.Multiply(pairs, (uint*)a, (uint*)b, results);
            Assert.Equal(Array.ConvertAll(sums, BFloat16.Round), new ReadOnlySpan<ushort>(results, sums.Length).ToArray());
        }
    });

    /// <summary>Where its arguments are those of other systems, the same code finds them in the last four of six.</summary>
    [Fact]
    public void The_code_for_Windows_computes_the_same()
    {
        if (OperatingSystem.IsWindows() || PackedPairTile.All is null) return;
        var code = (delegate* unmanaged<nint, nint, uint*, nint, uint*, float*, void>)CodePages.TryPlace(PairTileCode.Of(8, 3, PairTileLayout.Packed(8, 48) with { Accumulates = true }, CallConvention.Windows));
        CheckTile(8, 3, 17, (pairs, left, right, sums) => code(0, 0, left, pairs, right, sums));
    }

    /// <summary>1 + 2⁻⁹ is no BFloat16 number: the product of rounded operands differs from that of the managed path.</summary>
    [Fact]
    public void Products_go_through_it()
    {
        if (!PairInstructions.IsInProcessor) return;
        Assert.Equal(64f, Product(machineCode: true));
        Assert.Equal(64f + 64f / 512, Product(machineCode: false));

        static float Product(bool machineCode)
        {
            using var backend = new CpuBackend(1, VectorWidth.Vector512, machineCode);
            using var w = new Workspace(backend);
            var ones = new float[64 * 64];
            Array.Fill(ones, 1);
            var c = w.Fresh(64, 64);
            backend.MatMul(w.UploadBFloat16(Values.Of(new Shape(64, 64), ones)), w.Upload(Values.Of(new Shape(64, 64), ones).Times(1 + 1f / 512)), c);
            return w.Read(c).Data[1234];
        }
    }

    private delegate void Multiply(int pairs, uint* left, uint* right, float* sums);

    private static void CheckTile(int rows, int vectors, int pairs, Multiply multiply, bool isFirst = false)
    {
        var width = vectors * PairTile.VectorPairs;
        var (left, right) = (Values.Normal(1, pairs, rows, 2).Rounded(), Values.Normal(2, pairs, width, 2).Rounded());
        var start = Values.Normal(3, rows, width).Data;
        var expected = Array.ConvertAll(start, value => value);
        for (var r = 0; r < rows; r++)
        {
            for (var s = 0; s < width; s++)
            {
                var sum = isFirst ? 0 : (double)start[r * width + s];
                for (var p = 0; p < pairs; p++)
                {
                    for (var k = 0; k < 2; k++) sum += (double)left.Data[2 * (p * rows + r) + k] * right.Data[2 * (p * width + s) + k];
                }

                expected[r * width + s] = (float)sum;
            }
        }

        fixed (ushort* a = Array.ConvertAll(left.Data, BFloat16.Round), b = Array.ConvertAll(right.Data, BFloat16.Round))
        {
            fixed (float* sums = start) multiply(pairs, (uint*)a, (uint*)b, sums);
        }

        Close.Check($"{rows} x {vectors}", expected, start, Tolerance);
    }
}
