using QLora.Backends;
using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class Attention() : AttentionTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        // Scores of the second query: 0 and ln 3, so probabilities 1/4 and 3/4. The first query sees only its own key.
        var result = Run(backend, w =>
        {
            var (y, logSumExp) = (w.Fresh(2, 1, 1), w.Fresh(2, 1));
            w.Backend.Attention(w.Upload(Values.Of(new Shape(2, 1, 1), 5, 1)), w.Upload(Values.Of(new Shape(2, 1, 1), 0, MathF.Log(3) / 2)),
                w.Upload(Values.Of(new Shape(2, 1, 1), 4, 8)), y, logSumExp, [new AttentionSegment(0, 2, 0, 2)], 2);
            return [y, logSumExp];
        });
        Close.Check("y", [4, 7], result[0].Data, 1e-7);
        Close.Check("logSumExp", [0, MathF.Log(4)], result[1].Data, 1e-7);
    });

    [Fact]
    public void Query_heads_share_key_heads_in_order() => OnEachDevice(backend =>
    {
        // One token sees only itself: y is v of the key head, whatever the scores.
        var result = Run(backend, w =>
        {
            var y = w.Fresh(1, 4, 1);
            w.Backend.Attention(w.Upload(Values.Normal(1, 1, 4, 1)), w.Upload(Values.Normal(2, 1, 2, 1)), w.Upload(Values.Of(new Shape(1, 2, 1), 10, 20)),
                y, null, [new AttentionSegment(0, 1, 0, 1)], 1);
            return [y];
        });
        Assert.Equal([10f, 10, 20, 20], result[0].Data);
    });
}
