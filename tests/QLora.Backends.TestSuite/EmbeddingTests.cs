using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>Embedding and its backward.</summary>
public abstract class EmbeddingTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // Copies and widenings are exact.
    private const double Tolerance = 0;

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(9, 5, 33)]
    [InlineData(200, 7, 576)]
    public void Forward(int tokens, int rows, int size) => AgreesWithReference(Tolerance, w =>
    {
        var y = w.FreshActivations(tokens, size);
        w.Backend.Embedding(w.Upload(Values.Indices(1, tokens, rows)), w.Upload(Values.Normal(2, rows, size)), y);
        return [y];
    });

    [Fact]
    public void Forward_widens_half_formats() => AgreesWithReference(Tolerance, w =>
    {
        // Every bit pattern of each format: subnormals, infinities and NaN too.
        var patterns = new ushort[65536];
        for (var i = 0; i < patterns.Length; i++) patterns[i] = (ushort)i;
        var ids = w.Upload(Values.Indices(1, 70, 64));
        var (fromBFloat16, fromFloat16) = (w.FreshActivations(70, 1024), w.FreshActivations(70, 1024));
        w.Backend.Embedding(ids, w.Upload<ushort>(new Shape(64, 1024), DType.BFloat16, patterns), fromBFloat16);
        w.Backend.Embedding(ids, w.Upload<ushort>(new Shape(64, 1024), DType.Float16, patterns), fromFloat16);
        return [fromBFloat16, fromFloat16];
    });

    [Theory]
    [InlineData(1, 1, 32)]
    [InlineData(9, 5, 576)]
    public void Forward_widens_blocks_of_8_bits(int tokens, int rows, int size) => AgreesWithReference(Tolerance, w =>
    {
        var y = w.Fresh(tokens, size);
        var weight = w.Upload<Q8Block>(new Shape(rows, size), DType.Q8, Values.Q8Blocks(2, rows * size / Q8Block.Count));
        w.Backend.Embedding(w.Upload(Values.Indices(1, tokens, rows)), weight, y);
        return [y];
    });

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(50, 5, 33)]
    [InlineData(200, 300, 128)]
    public void Backward_adds_in_the_order_of_the_tokens(int tokens, int rows, int size) => AgreesWithReference(Tolerance, w =>
    {
        var dWeight = w.Upload(Values.Normal(3, rows, size));
        w.Backend.EmbeddingBackward(w.Upload(Values.Indices(1, tokens, rows)), w.UploadActivations(Values.Normal(2, tokens, size)), dWeight);
        return [dWeight];
    });

    [Fact]
    public void Gradients() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 4, 5)],
        (w, inputs) =>
        {
            var y = w.FreshActivations(6, 5);
            w.Backend.Embedding(w.Upload(3, 0, 3, 1, 1, 3), inputs[0], y);
            return y;
        },
        (w, _, dy) =>
        {
            var dWeight = w.Upload(Values.Normal(1, 4, 5).Times(0));
            w.Backend.EmbeddingBackward(w.Upload(3, 0, 3, 1, 1, 3), dy, dWeight);
            return [dWeight];
        }, activations: 0);

    [Fact]
    public void Rows_of_activations_are_gathered_and_scattered() => AgreesWithReference(Tolerance, w =>
    {
        var (x, given, sum) = (w.UploadActivations(Values.Normal(1, 50, 33)), w.FreshActivations(20, 33), w.UploadActivations(Values.Normal(2, 50, 33)));
        var rows = w.Upload(Values.Indices(3, 20, 50));
        w.Backend.Embedding(rows, x, given);
        w.Backend.EmbeddingBackward(rows, given, sum);
        return [given, sum];
    });

    [Fact]
    public void Shapes()
    {
        Refuses("Embedding", "weight", w => w.Backend.Embedding(w.Upload(0), w.Fresh(4), w.Fresh(1, 4)));
        Refuses("Embedding", "ids", w => w.Backend.Embedding(w.Upload(0), w.Fresh(2, 4), w.Fresh(2, 4)));
        Refuses("Embedding", "y", w => w.Backend.Embedding(w.Upload(0), w.Fresh(2, 4), w.Fresh(1, 5)));
        Refuses("EmbeddingBackward", "dWeight", w => w.Backend.EmbeddingBackward(w.Upload(0), w.Fresh(1, 4), w.Fresh(4)));
        Refuses("EmbeddingBackward", "ids", w => w.Backend.EmbeddingBackward(w.Upload(0), w.Fresh(2, 4), w.Fresh(3, 4)));
        Refuses("EmbeddingBackward", "dy", w => w.Backend.EmbeddingBackward(w.Upload(0), w.Fresh(1, 4), w.Fresh(3, 5)));
    }
}
