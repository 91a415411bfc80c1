using QLora.Data;

namespace QLora.Tests.Data;

public class DataOrderTests
{
    [Theory]
    [InlineData(1, 1, 1), InlineData(10, 3, 1), InlineData(10, 3, 2), InlineData(7, 2, 8), InlineData(800, 8, 1), InlineData(5, 5, 1)]
    public void EveryExampleIsTakenOnceAnEpoch(int examples, int batchSize, int accumulation)
    {
        var order = new DataOrder(examples, batchSize, accumulation, seed: 42, shuffle: true);
        var steps = order.From(0).Take(order.StepsPerEpoch * 2).ToList();
        Assert.Equal((examples + batchSize * accumulation - 1) / (batchSize * accumulation), order.StepsPerEpoch);
        foreach (var epoch in new[] { 0, 1 })
        {
            var own = steps.Where(step => step.Epoch == epoch).ToList();
            Assert.Equal(order.StepsPerEpoch, own.Count);
            Assert.Equal(Enumerable.Range(0, examples), own.SelectMany(step => step.MicroBatches).SelectMany(batch => batch).Order());
            Assert.Equal(order.Permutation(epoch), own.SelectMany(step => step.MicroBatches).SelectMany(batch => batch));
            Assert.All(own.SkipLast(1), step => Assert.All(step.MicroBatches, batch => Assert.Equal(batchSize, batch.Length)));
            Assert.All(own, step => Assert.InRange(step.MicroBatches.Count, 1, accumulation));
        }
    }

    [Fact]
    public void AResumedRunGoesOnAsItWouldHave()
    {
        var steps = new DataOrder(23, 4, 2, seed: 7, shuffle: true).From(0).Take(20).Select(Flat).ToList();
        for (var first = 0; first < 20; first++)
        {
            Assert.Equal(steps[first..], new DataOrder(23, 4, 2, seed: 7, shuffle: true).From(first).Take(20 - first).Select(Flat));
        }

        static string Flat(StepBatches step) => $"{step.Epoch}: {string.Join(" | ", step.MicroBatches.Select(batch => string.Join(' ', batch)))}";
    }

    [Fact]
    public void SeedsAndEpochsDiffer()
    {
        var orders = new[] { (1ul, 0), (1ul, 1), (2ul, 0), (2ul, 1) }.Select(o => string.Join(' ', new DataOrder(50, 1, 1, o.Item1, shuffle: true).Permutation(o.Item2)));
        Assert.Equal(4, orders.Distinct().Count());
    }

    [Fact]
    public void EveryOrderIsAsLikely()
    {
        // 24 orders of 4 examples, 24,000 draws: a thousand of each expected, with a standard deviation of about 31.
        var counts = Enumerable.Range(0, 24_000).Select(epoch => string.Join("", new DataOrder(4, 1, 1, seed: 3, shuffle: true).Permutation(epoch))).CountBy(order => order).ToList();
        Assert.Equal(24, counts.Count);
        Assert.All(counts, count => Assert.InRange(count.Value, 850, 1150));
    }

    [Fact]
    public void WithoutShuffleTheOrderIsTheFiles()
    {
        var step = new DataOrder(5, 2, 2, seed: 1, shuffle: false).From(0).First();
        Assert.Equal([[0, 1], [2, 3]], step.MicroBatches);
    }

    [Theory]
    [InlineData(0, 1, 1, "the dataset has no examples"), InlineData(1, 0, 1, "--batch-size is 0, expected at least 1"), InlineData(1, 1, -1, "--gradient-accumulation-steps is -1, expected at least 1")]
    public void SizesAreChecked(int examples, int batchSize, int accumulation, string expected) =>
        Assert.Equal(expected, Assert.Throws<QLoraException>(() => new DataOrder(examples, batchSize, accumulation, 1, true)).Message);
}
