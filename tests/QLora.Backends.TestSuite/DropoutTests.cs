using QLora.Backends;

namespace QLora.Tests.Backends;

/// <summary>Dropout.</summary>
public abstract class DropoutTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // The mask is exact; the scaling is one product, and with accumulation one sum.
    private const double Tolerance = 2e-7;

    [Theory]
    [InlineData(1, 0.5f)]
    [InlineData(7, 0.05f)]
    [InlineData(1001, 0.1f)]
    [InlineData(70003, 0.9f)]
    [InlineData(100, 0f)]
    public void Forward(int count, float probability) => AgreesWithReference(Tolerance, w =>
    {
        var (x, y) = (w.UploadActivations(Values.Normal(1, count)), w.FreshActivations(count));
        var sum = w.UploadActivations(Values.Normal(2, count));
        w.Backend.Dropout(x, y, probability, 42, 0x1_0000_0007);
        w.Backend.Dropout(x, sum, probability, 42, 0x1_0000_0007, accumulate: true);
        w.Backend.Dropout(x, x, probability, ulong.MaxValue, 3);
        return [y, sum, x];
    });

    [Theory]
    [InlineData(0.05f)]
    [InlineData(0.5f)]
    [InlineData(0.8f)]
    public void The_share_that_is_kept_is_as_asked(float probability) => OnEachDevice(backend =>
    {
        const int Count = 200_000;
        var kept = Mask(backend, Count, probability, seed: 1, stream: 1).Count(value => value);
        var deviation = Math.Sqrt(Count * probability * (1 - probability));
        Assert.InRange(kept, Count * (1 - probability) - 5 * deviation, Count * (1 - probability) + 5 * deviation);
    });

    [Fact]
    public void A_stream_is_one_mask_and_another_stream_another() => OnEachDevice(backend =>
    {
        var mask = Mask(backend, 4000, 0.5f, seed: 9, stream: 1);
        Assert.Equal(mask, Mask(backend, 4000, 0.5f, seed: 9, stream: 1));
        foreach (var (seed, stream) in new (ulong, ulong)[] { (9, 2), (10, 1), (9, 1UL << 32 | 1), (1UL << 32 | 9, 1) })
        {
            var agreeing = mask.Zip(Mask(backend, 4000, 0.5f, seed, stream)).Count(pair => pair.First == pair.Second);
            Assert.InRange(agreeing, 1800, 2200); // 2000 ± 6 standard deviations
        }
    });

    [Fact]
    public void The_mask_is_the_same_for_activations_of_both_types() => OnEachDevice(backend =>
    {
        var single = Run(backend, Dropped)[0].Data;
        var rounded = Run(backend, Dropped, QLora.Tensors.DType.BFloat16)[0].Data;
        Assert.Equal(single.Select(value => value != 0), rounded.Select(value => value != 0));

        static QLora.Tensors.Tensor[] Dropped(Workspace w)
        {
            var y = w.FreshActivations(4001);
            w.Backend.Dropout(w.UploadActivations(Values.Uniform(1, 1, 2, 4001)), y, 0.3f, seed: 9, stream: 4);
            return [y];
        }
    });

    [Fact]
    public void A_dropped_element_leaves_the_sum_alone_whatever_it_is() => OnEachDevice(backend =>
    {
        var infinite = Values.Normal(1, 64).Times(float.PositiveInfinity);
        var results = Run(backend, w =>
        {
            var (y, sum) = (w.FreshActivations(64), w.UploadActivations(Values.Normal(2, 64)));
            w.Backend.Dropout(w.UploadActivations(infinite), y, 0.5f, 5, 5);
            w.Backend.Dropout(w.UploadActivations(infinite), sum, 0.5f, 5, 5, accumulate: true);
            return [y, sum];
        });
        var mask = Mask(backend, 64, 0.5f, 5, 5);
        for (var i = 0; i < 64; i++)
        {
            Assert.Equal(mask[i] ? infinite.Data[i] : 0, results[0].Data[i]);
            Assert.Equal(mask[i] ? infinite.Data[i] : Values.Normal(2, 64).Data[i], results[1].Data[i]);
        }
    });

    [Fact]
    public void Gradients() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 50)],
        (w, inputs) => Drop(w, inputs[0]),
        (w, _, dy) => [Drop(w, dy)]);

    [Fact]
    public void Shapes()
    {
        Refuses("Dropout", "y", w => w.Backend.Dropout(w.Fresh(4), w.Fresh(5), 0.5f, 1, 1));
        Refuses("Dropout", "probability", w => w.Backend.Dropout(w.Fresh(4), w.Fresh(4), 1, 1, 1));
        Refuses("Dropout", "probability", w => w.Backend.Dropout(w.Fresh(4), w.Fresh(4), -0.1f, 1, 1));
        Refuses("Dropout", "probability", w => w.Backend.Dropout(w.Fresh(4), w.Fresh(4), float.NaN, 1, 1));
    }

    private static QLora.Tensors.Tensor Drop(Workspace w, QLora.Tensors.Tensor x)
    {
        var y = w.FreshActivations(50);
        w.Backend.Dropout(x, y, 0.3f, 7, 7);
        return y;
    }

    private static bool[] Mask(Backend backend, int count, float probability, ulong seed, ulong stream)
    {
        var result = Run(backend, w =>
        {
            var y = w.FreshActivations(count);
            w.Backend.Dropout(w.UploadActivations(Values.Uniform(1, 1, 2, count)), y, probability, seed, stream);
            return [y];
        });
        return Array.ConvertAll(result[0].Data, value => value != 0);
    }
}
