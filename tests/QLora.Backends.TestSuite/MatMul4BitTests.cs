using QLora.Backends;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>MatMul4Bit, forward and backward.</summary>
public abstract class MatMul4BitTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // Single-precision sums of k products: the error grows like the root of k, near 1e-6 at k = 1000. The weight itself is the same to the bit.
    private const double Tolerance = 1e-5;

    // Weights rounded to BFloat16 are off by up to 2⁻⁹, which adds up as the products do, to 2⁻⁹ / √3 of the result's root mean square; six times that.
    // A BFloat16 result is off by half a unit in its last place, 2⁻⁹, beside that.
    private const double RoundedTolerance = 0.007 + 1.0 / 512;

    private const float BranchScaling = 0.5f;

    /// <summary>
    /// Type, m, out, in, block size, double quantisation: a single row (decoding), blocks that cross rows, odd extents, beyond the blocks of a
    /// cache-blocked product.
    /// </summary>
    public static TheoryData<QuantizationType, int, int, int, int, bool> Cases => new()
    {
        { QuantizationType.Nf4, 1, 1, 1, 64, false },
        { QuantizationType.Nf4, 1, 96, 576, 64, true },
        { QuantizationType.Nf4, 3, 41, 192, 64, true },
        { QuantizationType.Nf4, 1, 37, 96, 32, true },
        { QuantizationType.Nf4, 4, 13, 72, 16, false },
        { QuantizationType.Fp4, 1, 30, 576, 128, true },
        { QuantizationType.Nf4, 2, 101, 2048, 64, true },
        { QuantizationType.Nf4, 5, 33, 17, 64, false },
        { QuantizationType.Nf4, 3, 70, 33, 16, true },
        { QuantizationType.Nf4, 40, 48, 64, 64, true },
        { QuantizationType.Nf4, 130, 70, 320, 32, true },
        { QuantizationType.Fp4, 1, 33, 130, 128, true },
        { QuantizationType.Fp4, 9, 515, 48, 64, false },
        { QuantizationType.Nf4, 2, 20, 1030, 4096, true },
    };

    [Theory, MemberData(nameof(Cases))]
    public void Forward_and_backward(QuantizationType type, int m, int rows, int columns, int blockSize, bool doubleQuantization) => AgreesWithReference(Tolerance, w =>
    {
        var weight = w.Quantize(Values.Normal(1, rows, columns), type, blockSize, doubleQuantization);
        var (y, dx) = (w.Fresh(m, rows), w.Fresh(m, columns));
        var (sum, gradientSum) = (w.Upload(Values.Normal(4, m, rows)), w.Upload(Values.Normal(5, m, columns)));
        var (x, dy) = (w.Upload(Values.Normal(2, m, columns)), w.Upload(Values.Normal(3, m, rows)));
        w.Backend.MatMul4Bit(x, weight, y, transposeW: true);
        w.Backend.MatMul4Bit(dy, weight, dx, transposeW: false);
        w.Backend.MatMul4Bit(x, weight, sum, transposeW: true, beta: 1);
        w.Backend.MatMul4Bit(dy, weight, gradientSum, transposeW: false, beta: -0.5f);
        return [y, dx, sum, gradientSum];
    });

    [Theory, MemberData(nameof(Cases))]
    public void BFloat16_activations(QuantizationType type, int m, int rows, int columns, int blockSize, bool doubleQuantization) => AgreesWithReference(RoundedTolerance, w =>
    {
        var weight = w.Quantize(Values.Normal(1, rows, columns), type, blockSize, doubleQuantization);
        var (y, dx) = (w.FreshBFloat16(m, rows), w.FreshBFloat16(m, columns));
        var (sum, gradientSum) = (w.UploadBFloat16(Values.Normal(4, m, rows)), w.UploadBFloat16(Values.Normal(5, m, columns)));
        var (single, singleGradient) = (w.Fresh(m, rows), w.Fresh(m, columns));
        var (x, dy) = (w.UploadBFloat16(Values.Normal(2, m, columns)), w.UploadBFloat16(Values.Normal(3, m, rows)));
        w.Backend.MatMul4Bit(x, weight, y, transposeW: true);
        w.Backend.MatMul4Bit(dy, weight, dx, transposeW: false);
        w.Backend.MatMul4Bit(x, weight, sum, transposeW: true, beta: 1);
        w.Backend.MatMul4Bit(dy, weight, gradientSum, transposeW: false, beta: -0.5f);
        w.Backend.MatMul4Bit(x, weight, single, transposeW: true);
        w.Backend.MatMul4Bit(dy, weight, singleGradient, transposeW: false);
        return [y, dx, sum, gradientSum, single, singleGradient];
    });

    /// <summary>m, out, in, rank: few rows, ranks that fill no vector, a rank beyond what rides along, stretches of the inner index, odd extents.</summary>
    public static TheoryData<int, int, int, int> BranchCases => new()
    {
        { 1, 96, 576, 16 },
        { 2, 101, 576, 32 },
        { 3, 37, 192, 5 },
        { 4, 41, 96, 8 },
        { 3, 70, 33, 5 },
        { 40, 48, 64, 1 },
        { 130, 70, 320, 64 },
        { 9, 33, 65, 150 },
        { 300, 64, 1184, 16 },
        { 2, 20, 1030, 8 },
    };

    [Theory, MemberData(nameof(BranchCases))]
    public void With_a_branch(int m, int rows, int columns, int rank) => AgreesWithReference(Tolerance, w => WithBranches(w, w.Upload, m, rows, columns, rank));

    [Theory, MemberData(nameof(BranchCases))]
    public void BFloat16_activations_with_a_branch(int m, int rows, int columns, int rank) =>
        AgreesWithReference(RoundedTolerance, w => WithBranches(w, w.UploadBFloat16, m, rows, columns, rank));

    /// <summary>A forward product that overwrites (NaN, if it is read) and a backward one that adds, each with its branch, of activations that are uploaded as they shall be kept.</summary>
    private static Tensor[] WithBranches(Workspace w, Func<Values, Tensor> activations, int m, int rows, int columns, int rank)
    {
        var weight = w.Quantize(Values.Normal(1, rows, columns), QuantizationType.Nf4, 64, doubleQuantization: true);
        var (y, dx) = (activations(Values.Normal(4, m, rows).Times(float.NaN)), activations(Values.Normal(5, m, columns)));
        var forward = new LowRankBranch(w.Upload(Values.Normal(6, m, rank)), w.Upload(Values.Normal(7, rows, rank)));
        var backward = new LowRankBranch(w.Upload(Values.Normal(8, m, rank)), w.Upload(Values.Normal(9, rank, columns)));
        w.Backend.MatMul4Bit(activations(Values.Normal(2, m, columns)), weight, y, transposeW: true, branch: forward);
        w.Backend.MatMul4Bit(activations(Values.Normal(3, m, rows)), weight, dx, transposeW: false, beta: 1, branch: backward);
        return [y, dx];
    }

    [Fact]
    public void It_is_the_product_with_the_dequantised_weight() => OnEachDevice(backend =>
    {
        var results = Run(backend, w =>
        {
            var weight = w.Quantize(Values.Normal(1, 50, 70), QuantizationType.Nf4, 64, doubleQuantization: true);
            var (full, fused, product) = (w.Fresh(50, 70), w.Fresh(11, 50), w.Fresh(11, 50));
            var x = w.Upload(Values.Normal(2, 11, 70));
            w.Backend.MatMul4Bit(x, weight, fused, transposeW: true);
            w.Backend.Dequantize(weight, full);
            w.Backend.MatMul(x, full, product, transposeB: true);
            return [product, fused];
        });
        Close.Check("y", results[0].Data, results[1].Data, Tolerance);
    });

    [Fact]
    public void Gradients() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(2, 3, 17)],
        (w, inputs) =>
        {
            var y = w.Fresh(3, 11);
            w.Backend.MatMul4Bit(inputs[0], w.Quantize(Values.Normal(1, 11, 17), QuantizationType.Nf4, 16, false), y, transposeW: true);
            return y;
        },
        (w, _, dy) =>
        {
            var dx = w.Fresh(3, 17);
            w.Backend.MatMul4Bit(dy, w.Quantize(Values.Normal(1, 11, 17), QuantizationType.Nf4, 16, false), dx, transposeW: false);
            return [dx];
        });

    /// <summary>Of x and of both matrices of an adapter, by the products that a layer's backward pass is made of: y = x·Wᵀ + ½ · (x·Aᵀ)·Bᵀ.</summary>
    [Fact]
    public void Gradients_with_a_branch() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(2, 3, 17), Values.Normal(3, 4, 17), Values.Normal(4, 11, 4)],
        (w, inputs) =>
        {
            var y = w.FreshActivations(3, 11);
            w.Backend.MatMul4Bit(inputs[0], w.Quantize(Values.Normal(1, 11, 17), QuantizationType.Nf4, 16, false), y, transposeW: true, branch: new(Low(w, inputs[0], inputs[1]), inputs[2]));
            return y;
        },
        (w, inputs, dy) =>
        {
            var (x, a, b) = (inputs[0], inputs[1], inputs[2]);
            var (dx, da, db, dLow) = (w.FreshActivations(3, 17), w.Fresh(4, 17), w.Fresh(11, 4), w.Fresh(3, 4));
            w.Backend.MatMul(dy, Low(w, x, a), db, transposeA: true);
            w.Backend.MatMul(dy, b, dLow, alpha: BranchScaling);
            w.Backend.MatMul(dLow, x, da, transposeA: true);
            w.Backend.MatMul4Bit(dy, w.Quantize(Values.Normal(1, 11, 17), QuantizationType.Nf4, 16, false), dx, transposeW: false, branch: new(dLow, a));
            return [dx, da, db];
        }, activations: 1);

    [Fact]
    public void Shapes()
    {
        Refuses("MatMul4Bit", "x", w => w.Backend.MatMul4Bit(w.Fresh(4), Weight(w), w.Fresh(1, 3), transposeW: true));
        Refuses("MatMul4Bit", "x", w => w.Backend.MatMul4Bit(w.Fresh(1, 3), Weight(w), w.Fresh(1, 3), transposeW: true));
        Refuses("MatMul4Bit", "y", w => w.Backend.MatMul4Bit(w.Fresh(1, 5), Weight(w), w.Fresh(1, 5), transposeW: true));
        Refuses("MatMul4Bit", "y", w => w.Backend.MatMul4Bit(w.Fresh(1, 3), Weight(w), w.Fresh(2, 5), transposeW: false));
        Refuses("MatMul4Bit", "u", w => w.Backend.MatMul4Bit(w.Fresh(1, 5), Weight(w), w.Fresh(1, 3), transposeW: true, branch: new(w.Fresh(2, 4), w.Fresh(3, 4))));
        Refuses("MatMul4Bit", "v", w => w.Backend.MatMul4Bit(w.Fresh(1, 5), Weight(w), w.Fresh(1, 3), transposeW: true, branch: new(w.Fresh(1, 4), w.Fresh(4, 3))));
        Refuses("MatMul4Bit", "v", w => w.Backend.MatMul4Bit(w.Fresh(1, 3), Weight(w), w.Fresh(1, 5), transposeW: false, branch: new(w.Fresh(1, 4), w.Fresh(5, 4))));

        static QuantizedTensor Weight(Workspace w) => w.Quantize(Values.Normal(1, 3, 5), QuantizationType.Nf4, 64, false);
    }

    private static Tensor Low(Workspace w, Tensor x, Tensor a)
    {
        var low = w.Fresh(3, 4);
        w.Backend.MatMul(x, a, low, transposeB: true, alpha: BranchScaling);
        return low;
    }
}
