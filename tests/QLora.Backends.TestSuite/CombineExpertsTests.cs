namespace QLora.Tests.Backends;

/// <summary>CombineExperts and its backward.</summary>
public abstract class CombineExpertsTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // A product and a sum for each expert of a token.
    private const double Tolerance = 5e-7;

    // A single-precision sum of a row's products.
    private const double BackwardTolerance = 5e-6;

    /// <summary>Tokens, k, size, and how many slots the expert has.</summary>
    public static TheoryData<int, int, int, int> Cases => new()
    {
        { 1, 1, 1, 1 },
        { 5, 2, 33, 7 },
        { 70, 8, 576, 400 },
        { 9, 3, 100, 27 },
        { 4, 2, 8, 0 },
    };

    [Theory, MemberData(nameof(Cases))]
    public void Forward(int tokens, int k, int size, int count) => AgreesWithReference(Tolerance, w =>
    {
        var y = w.UploadActivations(Values.Normal(3, tokens, size));
        w.Backend.CombineExperts(w.UploadActivations(Values.Normal(1, count, size)), w.Upload(Slots(count, tokens * k)), w.Upload(Values.Normal(2, tokens, k)), y);
        return [y];
    });

    [Theory, MemberData(nameof(Cases))]
    public void Backward(int tokens, int k, int size, int count) => AgreesWithReference(BackwardTolerance, w =>
    {
        var (dx, dWeights) = (w.FreshActivations(count, size), w.Upload(Values.Normal(5, tokens, k)));
        w.Backend.CombineExpertsBackward(w.UploadActivations(Values.Normal(1, count, size)), w.Upload(Slots(count, tokens * k)), w.Upload(Values.Normal(2, tokens, k)),
            w.UploadActivations(Values.Normal(4, tokens, size)), dx, dWeights);
        return [dx, dWeights];
    });

    [Fact]
    public void Experts_that_change_nothing_change_nothing() => OnEachDevice(backend =>
    {
        // Weights that sum to 1, and two experts that share the slots: each token comes back as it was, but for rounding.
        var x = Values.Normal(1, 12, 37);
        var result = Run(backend, w =>
        {
            var (tokens, weights, y) = (w.Upload(x), w.Fresh(12, 3), w.Upload(x.Times(0)));
            w.Backend.Route(w.Upload(Values.Normal(2, 12, 5)), w.FreshIndices(12, 3), weights, normalize: true);
            foreach (var slots in new[] { Slots(36, 36)[..20], Slots(36, 36)[20..] })
            {
                var given = w.Fresh(slots.Length, 37);
                w.Backend.Embedding(w.Upload(Array.ConvertAll(slots, slot => slot / 3)), tokens, given);
                w.Backend.CombineExperts(given, w.Upload(slots), weights, y);
            }

            return [y];
        });
        Close.Check("y", x.Data, result[0].Data, Tolerance);
    });

    [Fact]
    public void Gradients() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 5, 6), Values.Normal(2, 4, 2)],
        (w, inputs) =>
        {
            var y = w.UploadActivations(Values.Normal(3, 4, 6));
            w.Backend.CombineExperts(inputs[0], w.Upload(5, 0, 3, 6, 4), inputs[1], y);
            return y;
        },
        (w, inputs, dy) =>
        {
            var (dx, dWeights) = (w.FreshActivations(5, 6), w.Upload(Values.Normal(2, 4, 2).Times(0)));
            w.Backend.CombineExpertsBackward(inputs[0], w.Upload(5, 0, 3, 6, 4), inputs[1], dy, dx, dWeights);
            return [dx, dWeights];
        }, activations: 1);

    [Fact]
    public void Shapes()
    {
        Refuses("CombineExperts", "x", w => w.Backend.CombineExperts(w.Fresh(4), w.Upload(0), w.Fresh(2, 2), w.Fresh(2, 4)));
        Refuses("CombineExperts", "slots", w => w.Backend.CombineExperts(w.Fresh(2, 4), w.Upload(0), w.Fresh(2, 2), w.Fresh(2, 4)));
        Refuses("CombineExperts", "weights", w => w.Backend.CombineExperts(w.Fresh(1, 4), w.Upload(0), w.Fresh(2), w.Fresh(2, 4)));
        Refuses("CombineExperts", "y", w => w.Backend.CombineExperts(w.Fresh(1, 4), w.Upload(0), w.Fresh(2, 2), w.Fresh(3, 4)));
        Refuses("CombineExpertsBackward", "dy",
            w => w.Backend.CombineExpertsBackward(w.Fresh(1, 4), w.Upload(0), w.Fresh(2, 2), w.Fresh(2, 5), w.Fresh(1, 4), w.Fresh(2, 2)));
        Refuses("CombineExpertsBackward", "dx",
            w => w.Backend.CombineExpertsBackward(w.Fresh(1, 4), w.Upload(0), w.Fresh(2, 2), w.Fresh(2, 4), w.Fresh(2, 4), w.Fresh(2, 2)));
        Refuses("CombineExpertsBackward", "dWeights",
            w => w.Backend.CombineExpertsBackward(w.Fresh(1, 4), w.Upload(0), w.Fresh(2, 2), w.Fresh(2, 4), w.Fresh(1, 4), w.Fresh(4)));
    }

    /// <summary>Different slots below the limit, in no order.</summary>
    private static int[] Slots(int count, int limit)
    {
        var slots = Enumerable.Range(0, limit).ToArray();
        new Random(7).Shuffle(slots);
        return slots[..count];
    }
}
