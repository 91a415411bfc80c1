using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Tests.Backends.Cpu;

public sealed unsafe class VectorMathTests
{
    [Fact]
    public void Exp_is_within_two_units_in_the_last_place()
    {
        for (var x = -86.9f; x < 88.7f; x += 0.0113f)
        {
            var exact = Math.Exp(x);
            var unit = MathF.BitIncrement((float)exact) - (float)exact;
            Assert.All(EveryWidth(x), result => Assert.True(Math.Abs(result - exact) <= 2 * unit, $"e^{x:R} is {exact:R}, not {result:R}"));
        }
    }

    [Theory]
    [InlineData(0f, 1f)]
    [InlineData(float.NaN, float.NaN)]
    [InlineData(float.NegativeInfinity, 0f)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData(-1e30f, 0f)]
    [InlineData(1e30f, float.PositiveInfinity)]
    [InlineData(-87.5f, 0f)]
    [InlineData(88.8f, float.PositiveInfinity)]
    public void Exp_at_the_ends(float x, float expected) => Assert.All(EveryWidth(x), result => Assert.Equal(expected, result));

    [Fact]
    public void Every_width_gives_the_same_bits()
    {
        foreach (var x in Values.Uniform(1, -90, 90, 3000).Data) Assert.Single(EveryWidth(x).Select(BitConverter.SingleToInt32Bits).Distinct());
    }

    [Fact]
    public void Tanh_is_within_three_units_in_the_last_place_and_odd()
    {
        for (var x = 1e-30f; x < 12; x = x < 1e-3f ? 1.7f * x : x + 0.00113f)
        {
            var exact = Math.Tanh(x);
            var unit = MathF.BitIncrement((float)exact) - (float)exact;
            var results = EveryWidthOfTanh(x);
            Assert.All(results, result => Assert.True(Math.Abs(result - exact) <= 3 * unit, $"tanh {x:R} is {exact:R}, not {result:R}"));
            Assert.Equal(results, EveryWidthOfTanh(-x).Select(result => -result));
            Assert.Single(results.Distinct());
        }
    }

    [Theory]
    [InlineData(0f, 0f)]
    [InlineData(float.NaN, float.NaN)]
    [InlineData(float.NegativeInfinity, -1f)]
    [InlineData(float.PositiveInfinity, 1f)]
    [InlineData(-1e30f, -1f)]
    [InlineData(45f, 1f)]
    public void Tanh_at_the_ends(float x, float expected) => Assert.All(EveryWidthOfTanh(x), result => Assert.Equal(expected, result));

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(100)]
    [InlineData(1000)]
    public void Sums_and_the_largest(int count)
    {
        var data = Values.Normal(1, count).Data;
        Check<Float1>(data);
        Check<Float4>(data);
        Check<Float8>(data);
        Check<Float16>(data);

        static void Check<V>(float[] data) where V : unmanaged, IVector<V>
        {
            fixed (float* x = data)
            {
                Assert.Equal(data.Max(), VectorMath.Max<V>(x, data.Length));
                Assert.Equal(data.Sum(v => (double)v * v), VectorMath.SumOfSquares<V, SingleFormat>((byte*)x, data.Length), 1e-9);
                Assert.Equal(data.Sum(v => (double)v * v), VectorMath.Dot<V, SingleFormat>((byte*)x, (byte*)x, data.Length), 1e-3);
                Assert.Equal(data.Sum(v => (double)v * v * v), VectorMath.Dot<V, SingleFormat>((byte*)x, x, (byte*)x, data.Length), 1e-3);
                Assert.Equal(data.Sum(v => Math.Exp(v - 1.0)), VectorMath.SumOfExp<V>(x, data.Length, 1), 1e-3);
            }
        }
    }

    [Fact]
    public void Rounding_to_BFloat16_is_to_the_nearest_even_at_every_width()
    {
        // Every upper half, with lower halves below, at and above the middle between two numbers.
        Check<Float1>();
        Check<Float4>();
        Check<Float8>();
        Check<Float16>();

        static void Check<V>() where V : unmanaged, IVector<V>
        {
            var values = stackalloc float[16];
            var rounded = stackalloc ushort[16];
            for (var upper = 0u; upper < 65536; upper++)
            {
                var lower = (uint[])[0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF];
                for (var i = 0; i < 16; i++) values[i] = BitConverter.UInt32BitsToSingle((upper << 16) | lower[i % lower.Length]);
                V.Load(values).StoreBFloat16(rounded);
                for (var i = 0; i < V.Count; i++)
                {
                    var (below, above) = ((double)BFloat16.Widen((ushort)upper), (double)BFloat16.Widen((ushort)(upper + 1)));
                    if (float.IsNaN(values[i])) Assert.True(float.IsNaN(BFloat16.Widen(rounded[i])));
                    else if (lower[i % lower.Length] is var rest && (rest < 0x8000 || (rest == 0x8000 && upper % 2 == 0))) Assert.Equal(below, BFloat16.Widen(rounded[i]));
                    else Assert.Equal(above, BFloat16.Widen(rounded[i]));
                }
            }
        }
    }

    private static float[] EveryWidth(float x) => [Exp<Float1>(x), Exp<Float4>(x), Exp<Float8>(x), Exp<Float16>(x)];

    private static float[] EveryWidthOfTanh(float x) => [Tanh<Float1>(x), Tanh<Float4>(x), Tanh<Float8>(x), Tanh<Float16>(x)];

    private static float Exp<V>(float x) where V : unmanaged, IVector<V> => EveryPlace(VectorMath.Exp(V.Create(x)));

    private static float Tanh<V>(float x) where V : unmanaged, IVector<V> => EveryPlace(VectorMath.Tanh(V.Create(x)));

    private static float EveryPlace<V>(V vector) where V : unmanaged, IVector<V>
    {
        var places = stackalloc float[16];
        vector.Store(places);
        for (var i = 1; i < V.Count; i++) Assert.Equal(places[0], places[i]);
        return places[0];
    }
}
