using QLora.Backends;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>Frozen layers of one x with their adapters: the products of each by itself.</summary>
public abstract class ProjectionsTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // As in the tests of MatMul4Bit: single-precision sums, those of x · Aᵀ within those of the rest.
    private const double Tolerance = 1e-5;

    // As there: weights rounded to BFloat16, and a result that is.
    private const double RoundedTolerance = 0.007 + 1.0 / 512;

    /// <summary>m, in, and the rows and the rank of each layer, 0 for none: queries, keys and values; one layer; ranks that fill no vector; more rows than a few; odd extents.</summary>
    public static TheoryData<int, int, int[], int[]> Cases => new()
    {
        { 1, 576, [576, 192, 192], [16, 16, 16] },
        { 1, 192, [70], [8] },
        { 2, 576, [101, 37], [0, 32] },
        { 4, 192, [41, 4], [5, 4] },
        { 3, 72, [50, 30], [6, 0] },
        { 1, 64, [33, 65], [2, 8] },
        { 1, 33, [3, 9], [4, 4] },
        { 40, 128, [96, 48], [16, 16] },
        { 4, 128, [64, 64], [700, 700] },
    };

    [Theory, MemberData(nameof(Cases))]
    public void Layers_of_one_x(int m, int columns, int[] rows, int[] ranks) => AgreesWithReference(Tolerance, w => Project(w, w.Upload, m, columns, rows, ranks));

    [Theory, MemberData(nameof(Cases))]
    public void BFloat16_activations(int m, int columns, int[] rows, int[] ranks) => AgreesWithReference(RoundedTolerance, w => Project(w, w.UploadBFloat16, m, columns, rows, ranks));

    /// <summary>Results that hold NaN before: they are overwritten, not added to.</summary>
    private static Tensor[] Project(Workspace w, Func<Values, Tensor> activations, int m, int columns, int[] rows, int[] ranks)
    {
        var layers = new Projection[rows.Length];
        for (var i = 0; i < rows.Length; i++)
        {
            var weight = w.Quantize(Values.Normal(10 * i + 1, rows[i], columns), QuantizationType.Nf4, 64, doubleQuantization: true);
            var y = activations(Values.Normal(10 * i + 2, m, rows[i]).Times(float.NaN));
            LowRankAdapter? adapter = ranks[i] == 0 ? null : new(w.Upload(Values.Normal(10 * i + 3, ranks[i], columns)), w.Upload(Values.Normal(10 * i + 4, rows[i], ranks[i])), Scaling: 0.25f * (i + 1));
            layers[i] = new Projection(weight, y, adapter);
        }

        w.Backend.Projections(activations(Values.Normal(100, m, columns)), layers);
        return [.. layers.Select(layer => layer.Y)];
    }

    [Fact]
    public void Shapes()
    {
        Refuses("Projections", "x", w => w.Backend.Projections(w.Fresh(5), [Layer(w)]));
        Refuses("Projections", "x", w => w.Backend.Projections(w.Fresh(2, 4), [Layer(w)]));
        Refuses("Projections", "y", w => w.Backend.Projections(w.Fresh(1, 5), [Layer(w)]));
        Refuses("Projections", "a", w => w.Backend.Projections(w.Fresh(2, 5), [Layer(w) with { Adapter = new(w.Fresh(4, 3), w.Fresh(3, 4), 1) }]));
        Refuses("Projections", "b", w => w.Backend.Projections(w.Fresh(2, 5), [Layer(w) with { Adapter = new(w.Fresh(4, 5), w.Fresh(4, 3), 1) }]));

        static Projection Layer(Workspace w) => new(w.Quantize(Values.Normal(1, 3, 5), QuantizationType.Nf4, 64, false), w.Fresh(2, 3), null);
    }
}
