using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>CrossEntropy with and without its gradient.</summary>
public abstract class CrossEntropyTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // Exponentials of about 1e-7 and single-precision sums over a vocabulary in many lanes; a loss near zero is a difference of two numbers of the logits' size.
    private const double Tolerance = 5e-6;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(3, 33)]
    [InlineData(5, 1000)]
    [InlineData(2, 49152)]
    [InlineData(70, 129)]
    public void Losses_and_gradients(int tokens, int vocabulary) => AgreesWithReference(Tolerance, w =>
    {
        var logits = w.Upload(Values.Normal(1, tokens, vocabulary).Times(3));
        var labels = w.Upload(Values.Indices(2, tokens, vocabulary));
        var (alone, losses) = (w.Fresh(tokens), w.Fresh(tokens));
        w.Backend.CrossEntropy(logits, labels, alone, null);
        w.Backend.CrossEntropy(logits, labels, losses, 0.125f);
        return [alone, losses, logits];
    });

    [Fact]
    public void Without_a_scale_the_logits_stay() => OnEachDevice(backend =>
    {
        var original = Values.Normal(1, 3, 50);
        var result = Run(backend, w =>
        {
            var logits = w.Upload(original);
            w.Backend.CrossEntropy(logits, w.Upload(0, 7, 49), w.Fresh(3), null);
            return [logits];
        });
        Close.CheckSameBits("logits", original.Data, result[0].Data);
    });

    [Theory]
    [InlineData(1e4f)]
    [InlineData(-1e4f)]
    [InlineData(1e30f)]
    public void Large_logits_do_not_overflow(float offset) => AgreesWithReference(Tolerance, w =>
    {
        var values = Values.Normal(1, 2, 70).Times(5);
        for (var i = 0; i < values.Data.Length; i += 3) values.Data[i] += offset;
        var (logits, losses) = (w.Upload(values), w.Fresh(2));
        w.Backend.CrossEntropy(logits, w.Upload(6, 7), losses, 1);
        return [losses, logits];
    });

    [Fact]
    public void A_masked_logit_of_minus_infinity_has_no_probability() => AgreesWithReference(Tolerance, w =>
    {
        var values = Values.Normal(1, 1, 40);
        values.Data[0] = values.Data[17] = values.Data[39] = float.NegativeInfinity;
        var (logits, losses) = (w.Upload(values), w.Fresh(1));
        w.Backend.CrossEntropy(logits, w.Upload(6), losses, 1);
        return [losses, logits];
    });

    [Fact]
    public void Gradients() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 1, 13)],
        (w, inputs) =>
        {
            var losses = w.Fresh(1);
            w.Backend.CrossEntropy(inputs[0], w.Upload(4), losses, null);
            return losses;
        },
        (w, inputs, dLoss) =>
        {
            w.Backend.CrossEntropy(inputs[0], w.Upload(4), w.Fresh(1), w.Read(dLoss).Data[0]);
            return [inputs[0]];
        }, activations: 0);

    [Fact]
    public void Shapes()
    {
        Refuses("CrossEntropy", "logits", w => w.Backend.CrossEntropy(w.Fresh(4), w.Upload(0), w.Fresh(1), null));
        Refuses("CrossEntropy", "labels", w => w.Backend.CrossEntropy(w.Fresh(1, 4), w.Upload(0, 1), w.Fresh(1), null));
        Refuses("CrossEntropy", "labels", w => w.Backend.CrossEntropy(w.Fresh(1, 4), w.Fresh(1), w.Fresh(1), null));
        Refuses("CrossEntropy", "losses", w => w.Backend.CrossEntropy(w.Fresh(1, 4), w.Upload(0), w.Fresh(2), null));
    }
}
