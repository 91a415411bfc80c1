using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>MatMul.</summary>
public abstract class MatMulTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // Single-precision sums of k products: the error grows like the root of k, near 1e-6 at k = 1000.
    private const double Tolerance = 1e-5;

    /// <summary>m, n, k: ones, odd ones, tall, wide, a single row (decoding), and beyond the blocks of a cache-blocked product.</summary>
    public static TheoryData<int, int, int> Sizes => new()
    {
        { 1, 1, 1 }, { 1, 7, 5 }, { 5, 1, 9 }, { 3, 33, 17 }, { 64, 64, 64 }, { 1, 130, 300 }, { 2, 100, 576 }, { 37, 53, 1 },
        { 130, 70, 65 }, { 9, 16, 1030 }, { 200, 9, 31 }, { 17, 515, 48 },
    };

    [Theory, MemberData(nameof(Sizes))]
    public void Every_transposition(int m, int n, int k) => AgreesWithReference(Tolerance, w =>
    {
        var results = new List<Tensor>();
        foreach (var (transposeA, transposeB) in new[] { (false, false), (false, true), (true, false), (true, true) })
        {
            var a = w.Upload(transposeA ? Values.Normal(1, k, m) : Values.Normal(1, m, k));
            var b = w.Upload(transposeB ? Values.Normal(2, n, k) : Values.Normal(2, k, n));
            var c = w.Fresh(m, n);
            w.Backend.MatMul(a, b, c, transposeA, transposeB);
            results.Add(c);
        }

        return [.. results];
    });

    [Theory]
    [InlineData(0.25f, 1f)]
    [InlineData(1f, -0.5f)]
    [InlineData(-2f, 0f)]
    [InlineData(0f, 2f)]
    public void Alpha_and_beta(float alpha, float beta) => AgreesWithReference(Tolerance, w =>
    {
        var c = beta == 0 ? w.Fresh(13, 37) : w.Upload(Values.Normal(3, 13, 37));
        w.Backend.MatMul(w.Upload(Values.Normal(1, 13, 29)), w.Upload(Values.Normal(2, 37, 29)), c, transposeB: true, alpha: alpha, beta: beta);
        return [c];
    });

    [Theory]
    [InlineData(DType.BFloat16)]
    [InlineData(DType.Float16)]
    public void A_half_precision_weight_is_widened(DType dtype) => AgreesWithReference(Tolerance, w =>
    {
        var weight = Array.ConvertAll(Values.Normal(2, 53, 37).Data, value => dtype == DType.Float16
            ? BitConverter.HalfToUInt16Bits((Half)value)
            : (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
        var results = new List<Tensor>();
        foreach (var m in new[] { 1, 9 })
        {
            var (forward, backward) = (w.Fresh(m, 53), w.Fresh(m, 37));
            var b = w.Upload<ushort>(new Shape(53, 37), dtype, weight);
            w.Backend.MatMul(w.Upload(Values.Normal(1, m, 37)), b, forward, transposeB: true);
            w.Backend.MatMul(w.Upload(Values.Normal(3, m, 53)), b, backward);
            results.AddRange([forward, backward]);
        }

        return [.. results];
    });

    [Fact]
    public void An_inner_extent_of_zero_gives_zeros() => AgreesWithReference(Tolerance, w =>
    {
        var (c, kept) = (w.Fresh(3, 4), w.Upload(Values.Normal(1, 3, 4)));
        w.Backend.MatMul(w.Fresh(3, 0), w.Fresh(0, 4), c);
        w.Backend.MatMul(w.Fresh(3, 0), w.Fresh(0, 4), kept, beta: 1);
        return [c, kept];
    });

    [Fact]
    public void Gradients() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 3, 7), Values.Normal(2, 5, 7)],
        (w, inputs) =>
        {
            var y = w.Fresh(3, 5);
            w.Backend.MatMul(inputs[0], inputs[1], y, transposeB: true);
            return y;
        },
        (w, inputs, dy) =>
        {
            var (dx, dWeight) = (w.Fresh(3, 7), w.Fresh(5, 7));
            w.Backend.MatMul(dy, inputs[1], dx);
            w.Backend.MatMul(dy, inputs[0], dWeight, transposeA: true);
            return [dx, dWeight];
        });

    [Fact]
    public void Shapes()
    {
        Refuses("MatMul", "a", w => w.Backend.MatMul(w.Fresh(4), w.Fresh(4, 2), w.Fresh(1, 2)));
        Refuses("MatMul", "b", w => w.Backend.MatMul(w.Fresh(1, 4), w.Upload(1), w.Fresh(1, 2)));
        Refuses("MatMul", "c", w => w.Backend.MatMul(w.Fresh(1, 4), w.Fresh(4, 2), w.Fresh(2, 1)));
        Refuses("MatMul", "inner extents differ", w => w.Backend.MatMul(w.Fresh(1, 4), w.Fresh(2, 4), w.Fresh(1, 2)));
    }
}
