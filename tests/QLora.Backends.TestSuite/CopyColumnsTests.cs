using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>CopyColumns.</summary>
public abstract class CopyColumnsTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // Copies are exact.
    [Theory]
    [InlineData(1, 1, 0, 1, 0, 1)]
    [InlineData(3, 33, 5, 17, 0, 17)]
    [InlineData(3, 17, 0, 33, 16, 17)]
    [InlineData(300, 500, 401, 333, 7, 99)]
    [InlineData(2, 4, 4, 5, 5, 0)]
    public void Copies(int tokens, int sourceSize, int sourceStart, int destinationSize, int destinationStart, int count) => AgreesWithReference(0, w =>
    {
        var destination = w.UploadActivations(Values.Normal(2, tokens, destinationSize));
        w.Backend.CopyColumns(w.UploadActivations(Values.Normal(1, tokens, sourceSize)), sourceStart, destination, destinationStart, count);
        return [destination];
    });

    [Fact]
    public void Columns_taken_apart_and_put_together_are_the_same() => OnEachDevice(backend =>
    {
        var whole = Values.Normal(1, 7, 60);
        var result = Run(backend, w =>
        {
            var (source, together) = (w.UploadActivations(whole), w.FreshActivations(7, 60));
            foreach (var (start, count) in new[] { (0, 13), (13, 1), (14, 46) })
            {
                var part = w.FreshActivations(7, count);
                w.Backend.CopyColumns(source, start, part, 0, count);
                w.Backend.CopyColumns(part, 0, together, start, count);
            }

            return [together];
        });
        Close.CheckSameBits("columns", whole.Data, result[0].Data);
    });

    /// <summary>What was copied forward is copied back.</summary>
    [Fact]
    public void Gradients() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 3, 7)],
        (w, inputs) => Copied(w, inputs[0], 2, w.UploadActivations(Values.Normal(2, 3, 6).Times(0)), 1),
        (w, _, dy) => [Copied(w, dy, 1, w.UploadActivations(Values.Normal(2, 3, 7).Times(0)), 2)]);

    [Fact]
    public void Shapes()
    {
        Refuses("CopyColumns", "source", w => w.Backend.CopyColumns(w.Fresh(4), 0, w.Fresh(1, 4), 0, 4));
        Refuses("CopyColumns", "destination", w => w.Backend.CopyColumns(w.Fresh(1, 4), 0, w.Fresh(4), 0, 4));
        Refuses("CopyColumns", "destination", w => w.Backend.CopyColumns(w.Fresh(1, 4), 0, w.Fresh(2, 4), 0, 4));
        Refuses("CopyColumns", "count", w => w.Backend.CopyColumns(w.Fresh(1, 4), 0, w.Fresh(1, 4), 0, -1));
        Refuses("CopyColumns", "sourceStart", w => w.Backend.CopyColumns(w.Fresh(1, 4), 2, w.Fresh(1, 9), 0, 3));
        Refuses("CopyColumns", "sourceStart", w => w.Backend.CopyColumns(w.Fresh(1, 4), -1, w.Fresh(1, 9), 0, 3));
        Refuses("CopyColumns", "destinationStart", w => w.Backend.CopyColumns(w.Fresh(1, 4), 0, w.Fresh(1, 9), 7, 3));
        Refuses("CopyColumns", "destinationStart", w => w.Backend.CopyColumns(w.Fresh(1, 4), 0, w.Fresh(1, 9), int.MaxValue, 3));
    }

    private static Tensor Copied(Workspace w, Tensor source, int sourceStart, Tensor destination, int destinationStart)
    {
        w.Backend.CopyColumns(source, sourceStart, destination, destinationStart, 4);
        return destination;
    }
}
