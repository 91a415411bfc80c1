using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>Route and its backward.</summary>
public abstract class RouteTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // Exponentials of about 1e-7 and a single-precision sum of a row's experts.
    private const double Tolerance = 2e-6;

    /// <summary>Tokens, experts, k.</summary>
    public static TheoryData<int, int, int> Cases => new()
    {
        { 1, 1, 1 },
        { 3, 8, 2 },
        { 7, 33, 33 },
        { 130, 128, 8 },
        { 5, 300, 7 },
        { 0, 4, 2 },
    };

    [Theory, MemberData(nameof(Cases))]
    public void Forward(int tokens, int experts, int k) => AgreesWithReference(Tolerance, w =>
    {
        var logits = w.UploadActivations(Values.Normal(1, tokens, experts).Times(2));
        var (chosen, weights) = (w.FreshIndices(tokens, k), w.Fresh(tokens, k));
        var (chosenAgain, normalized) = (w.FreshIndices(tokens, k), w.Fresh(tokens, k));
        w.Backend.Route(logits, chosen, weights, normalize: false);
        w.Backend.Route(logits, chosenAgain, normalized, normalize: true);
        return [chosen, weights, chosenAgain, normalized];
    });

    [Fact]
    public void Of_equal_logits_the_lower_expert_comes_first() => AgreesWithReference(Tolerance, w =>
    {
        var values = Values.Normal(1, 50, 40);
        for (var i = 0; i < values.Data.Length; i++) values.Data[i] = MathF.Round(values.Data[i]);
        var (chosen, weights) = (w.FreshIndices(50, 9), w.Fresh(50, 9));
        w.Backend.Route(w.UploadActivations(values), chosen, weights, normalize: true);
        return [chosen, weights];
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Large_logits_do_not_overflow(bool normalize) => AgreesWithReference(Tolerance, w =>
    {
        var values = Values.Normal(1, 2, 20).Times(5);
        for (var i = 0; i < values.Data.Length; i += 3) values.Data[i] = i % 2 == 0 ? 1e30f : -1e30f;
        values.Data[4] = float.NegativeInfinity;
        var (logits, chosen, weights, dLogits) = (w.UploadActivations(values), w.FreshIndices(2, 5), w.Fresh(2, 5), w.FreshActivations(2, 20));
        w.Backend.Route(logits, chosen, weights, normalize);
        w.Backend.RouteBackward(logits, chosen, w.Upload(Values.Normal(2, 2, 5)), dLogits, normalize);
        return [chosen, weights, dLogits];
    });

    [Theory, MemberData(nameof(Cases))]
    public void Backward(int tokens, int experts, int k) => AgreesWithReference(Tolerance, w =>
    {
        var logits = w.UploadActivations(Values.Normal(1, tokens, experts).Times(2));
        var dWeights = w.Upload(Values.Normal(2, tokens, k));
        var (chosen, weights, plain, normalized) = (w.FreshIndices(tokens, k), w.Fresh(tokens, k), w.FreshActivations(tokens, experts), w.FreshActivations(tokens, experts));
        w.Backend.Route(logits, chosen, weights, normalize: false);
        w.Backend.RouteBackward(logits, chosen, dWeights, plain, normalize: false);
        w.Backend.RouteBackward(logits, chosen, dWeights, normalized, normalize: true);
        return [plain, normalized];
    }, terms: experts == 1 ? 1 : 0); // the weight of a single expert is 1 whatever its logit: dWeight − s cancels

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradients(bool normalize)
    {
        // Far enough from each other that no difference changes the choice.
        var logits = Values.Of(new Shape(2, 6), 0.3f, -1, 1.1f, 0.7f, -0.4f, 2, 1, 0.5f, 0, -0.5f, 1.5f, -1);
        GradientsAgreeWithDifferences(5e-5, [logits],
            (w, inputs) =>
            {
                var weights = w.Fresh(2, 3);
                w.Backend.Route(inputs[0], w.FreshIndices(2, 3), weights, normalize);
                return weights;
            },
            (w, inputs, dWeights) =>
            {
                var (chosen, dLogits) = (w.FreshIndices(2, 3), w.FreshActivations(2, 6));
                w.Backend.Route(inputs[0], chosen, w.Fresh(2, 3), normalize);
                w.Backend.RouteBackward(inputs[0], chosen, dWeights, dLogits, normalize);
                return [dLogits];
            });
    }

    [Fact]
    public void Shapes()
    {
        Refuses("Route", "logits", w => w.Backend.Route(w.Fresh(4), w.FreshIndices(1, 2), w.Fresh(1, 2), false));
        Refuses("Route", "experts", w => w.Backend.Route(w.Fresh(1, 4), w.Fresh(1, 2), w.Fresh(1, 2), false));
        Refuses("Route", "experts", w => w.Backend.Route(w.Fresh(1, 4), w.FreshIndices(2, 2), w.Fresh(2, 2), false));
        Refuses("Route", "experts", w => w.Backend.Route(w.Fresh(1, 4), w.FreshIndices(1, 5), w.Fresh(1, 5), false));
        Refuses("Route", "experts", w => w.Backend.Route(w.Fresh(1, 4), w.FreshIndices(1, 0), w.Fresh(1, 0), false));
        Refuses("Route", "weights", w => w.Backend.Route(w.Fresh(1, 4), w.FreshIndices(1, 2), w.Fresh(1, 3), false));
        Refuses("RouteBackward", "experts", w => w.Backend.RouteBackward(w.Fresh(1, 4), w.FreshIndices(2), w.Fresh(1, 2), w.Fresh(1, 4), false));
        Refuses("RouteBackward", "dWeights", w => w.Backend.RouteBackward(w.Fresh(1, 4), w.FreshIndices(1, 2), w.Fresh(1, 3), w.Fresh(1, 4), false));
        Refuses("RouteBackward", "dLogits", w => w.Backend.RouteBackward(w.Fresh(1, 4), w.FreshIndices(1, 2), w.Fresh(1, 2), w.Fresh(1, 5), false));
    }
}
