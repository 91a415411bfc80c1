using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>MatMul.</summary>
public abstract class MatMulTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // Single-precision sums of k products: the error grows like the root of k, near 1e-6 at k = 1000.
    private const double Tolerance = 1e-5;

    // A BFloat16 result is off by half a unit in its last place, 2⁻⁹; where the sum lies near the middle of two, it may be rounded the other way.
    private const double RoundedTolerance = 1.0 / 256 + Tolerance;

    // Both operands rounded to BFloat16: each product is off by up to 2⁻⁹, which adds up as the products do, to 2⁻⁹ / √3 of the result's root mean square; six times that.
    private const double RoundedRightTolerance = 0.007;

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

    /// <summary>With a right matrix that BFloat16 holds as it is, whether a backend rounds it or not.</summary>
    [Theory, MemberData(nameof(Sizes))]
    public void BFloat16_activations(int m, int n, int k) => AgreesWithReference(Tolerance, w =>
    {
        var results = new List<Tensor>();
        foreach (var (transposeA, transposeB) in new[] { (false, false), (false, true), (true, false), (true, true) })
        {
            var a = w.UploadBFloat16(transposeA ? Values.Normal(1, k, m) : Values.Normal(1, m, k));
            var b = (transposeB ? Values.Normal(2, n, k) : Values.Normal(2, k, n)).Rounded();
            var (c, sum) = (w.Fresh(m, n), w.Upload(Values.Normal(3, m, n)));
            w.Backend.MatMul(a, w.Upload(b), c, transposeA, transposeB);
            w.Backend.MatMul(a, w.UploadBFloat16(b), sum, transposeA, transposeB, alpha: 0.5f, beta: -2);
            results.AddRange([c, sum]);
        }

        return [.. results];
    });

    [Theory, MemberData(nameof(Sizes))]
    public void A_BFloat16_result_is_rounded_once(int m, int n, int k) => AgreesWithReference(RoundedTolerance, w =>
    {
        var results = new List<Tensor>();
        foreach (var (transposeA, transposeB) in new[] { (false, false), (false, true), (true, false), (true, true) })
        {
            var a = (transposeA ? Values.Normal(1, k, m) : Values.Normal(1, m, k)).Rounded();
            var b = w.Upload((transposeB ? Values.Normal(2, n, k) : Values.Normal(2, k, n)).Rounded());
            var (c, sum) = (w.FreshBFloat16(m, n), w.UploadBFloat16(Values.Normal(3, m, n)));
            w.Backend.MatMul(w.UploadBFloat16(a), b, c, transposeA, transposeB);
            w.Backend.MatMul(w.Upload(a), b, sum, transposeA, transposeB, alpha: 0.5f, beta: 3);
            results.AddRange([c, sum]);
        }

        return [.. results];
    });

    [Theory]
    [InlineData(DType.Float32)]
    [InlineData(DType.Float16)]
    public void With_BFloat16_activations_the_right_matrix_may_be_rounded(DType dtype) => AgreesWithReference(RoundedRightTolerance, w =>
    {
        var weight = Values.Normal(2, 130, 70);
        var b = dtype == DType.Float32 ? w.Upload(weight) : w.Upload<ushort>(weight.Shape, dtype, Array.ConvertAll(weight.Data, value => BitConverter.HalfToUInt16Bits((Half)value)));
        var (forward, backward) = (w.Fresh(33, 130), w.Fresh(33, 70));
        w.Backend.MatMul(w.UploadBFloat16(Values.Normal(1, 33, 70)), b, forward, transposeB: true);
        w.Backend.MatMul(w.UploadBFloat16(Values.Normal(3, 33, 130)), b, backward);
        return [forward, backward];
    });

    /// <summary>The gradients of the two matrices of an adapter: of what is kept in Float32 and of activations, either way round.</summary>
    [Theory]
    [InlineData(16, 144, 130)]
    [InlineData(12, 33, 77)]
    [InlineData(30, 200, 65)]
    [InlineData(7, 3, 34)]
    public void In_a_weight_gradient_of_BFloat16_activations_the_other_operand_may_be_rounded(int rank, int size, int tokens) => AgreesWithReference(RoundedRightTolerance, w =>
    {
        var (low, activations) = (w.Upload(Values.Normal(1, tokens, rank)), w.UploadBFloat16(Values.Normal(2, tokens, size)));
        var (da, db) = (w.Fresh(rank, size), w.Upload(Values.Normal(3, size, rank)));
        w.Backend.MatMul(low, activations, da, transposeA: true);
        w.Backend.MatMul(activations, low, db, transposeA: true, alpha: 0.5f, beta: 1);
        return [da, db];
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

    [Theory]
    [InlineData(3, 32)]
    [InlineData(53, 96)]
    [InlineData(70, 1216)]
    public void A_weight_of_8_bits_is_widened(int rows, int columns) => AgreesWithReference(Tolerance, w =>
    {
        var weight = Values.Q8Blocks(2, rows * columns / Q8Block.Count);
        var results = new List<Tensor>();
        foreach (var m in new[] { 1, 2, 9, 40 })
        {
            var (forward, sum, backward) = (w.Fresh(m, rows), w.Upload(Values.Normal(4, m, rows)), w.Fresh(m, columns));
            var b = w.Upload<Q8Block>(new Shape(rows, columns), DType.Q8, weight);
            w.Backend.MatMul(w.Upload(Values.Normal(1, m, columns)), b, forward, transposeB: true);
            w.Backend.MatMul(w.Upload(Values.Normal(1, m, columns)), b, sum, transposeB: true, alpha: 0.5f, beta: 2);
            w.Backend.MatMul(w.Upload(Values.Normal(3, m, rows)), b, backward);
            results.AddRange([forward, sum, backward]);
        }

        return [.. results];
    });

    [Fact]
    public void An_inner_extent_of_zero_gives_zeros() => AgreesWithReference(Tolerance, w =>
    {
        var (c, kept, rounded) = (w.Fresh(3, 4), w.Upload(Values.Normal(1, 3, 4)), w.FreshBFloat16(3, 4));
        w.Backend.MatMul(w.FreshBFloat16(3, 0), w.Fresh(0, 4), rounded);
        w.Backend.MatMul(w.Fresh(3, 0), w.Fresh(0, 4), c);
        w.Backend.MatMul(w.Fresh(3, 0), w.Fresh(0, 4), kept, beta: 1);
        return [c, kept, rounded];
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
        Refuses("MatMul", "b", w => w.Backend.MatMul(w.Fresh(1, 4), w.Upload<Q8Block>(new Shape(4, 33), DType.Q8, Values.Q8Blocks(1, 4)), w.Fresh(1, 33)));
        Refuses("MatMul", "c", w => w.Backend.MatMul(w.Fresh(1, 4), w.Fresh(4, 2), w.Fresh(2, 1)));
        Refuses("MatMul", "a", w => w.Backend.MatMul(w.Upload<ushort>(new Shape(1, 1), DType.Float16, [0]), w.Fresh(1, 1), w.Fresh(1, 1)));
        Refuses("MatMul", "c", w => w.Backend.MatMul(w.Fresh(1, 1), w.Fresh(1, 1), w.Upload<ushort>(new Shape(1, 1), DType.Float16, [0])));
        Refuses("MatMul", "inner extents differ", w => w.Backend.MatMul(w.Fresh(1, 4), w.Fresh(2, 4), w.Fresh(1, 2)));
    }
}
