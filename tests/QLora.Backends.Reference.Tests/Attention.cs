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
                w.Upload(Values.Of(new Shape(2, 1, 1), 4, 8)), y, logSumExp, [new AttentionSegment(0, 2, 0, 2)], new(2));
            return [y, logSumExp];
        });
        Close.Check("y", [4, 7], result[0].Data, 1e-7);
        Close.Check("logSumExp", [0, MathF.Log(4)], result[1].Data, 1e-7);
    });

    [Fact]
    public void A_window_of_two_by_hand() => OnEachDevice(backend =>
    {
        // All scores are 0: each query takes the mean of its own value and the one before.
        var result = Run(backend, w =>
        {
            var y = w.Fresh(4, 1, 1);
            w.Backend.Attention(w.Upload(Values.Normal(1, 4, 1, 1)), w.Upload(Values.Of(new Shape(4, 1, 1), 0, 0, 0, 0)), w.Upload(Values.Of(new Shape(4, 1, 1), 4, 8, 2, 0)),
                y, null, [new AttentionSegment(0, 4, 0, 4)], new(1, Window: 2));
            return [y];
        });
        Assert.Equal([4f, 6, 5, 1], result[0].Data);
    });

    [Fact]
    public void A_cap_by_hand() => OnEachDevice(backend =>
    {
        // 2 · tanh(ln 2) = 2 · (4 − 1) / (4 + 1), and far beyond the cap it is 2.
        var result = Run(backend, w =>
        {
            var (y, logSumExp) = (w.Fresh(2, 1, 1), w.Fresh(2, 1));
            w.Backend.Attention(w.Upload(Values.Of(new Shape(2, 1, 1), 1, 1)), w.Upload(Values.Of(new Shape(2, 1, 1), 2 * MathF.Log(2), 1000)),
                w.Upload(Values.Of(new Shape(2, 1, 1), 0, 1)), y, logSumExp, [new AttentionSegment(0, 2, 0, 2)], new(1, SoftCap: 2));
            return [y, logSumExp];
        });
        Close.Check("y", [0, 1 / (1 + MathF.Exp(-0.8f))], result[0].Data, 1e-7);
        Close.Check("logSumExp", [1.2f, 2 + MathF.Log(1 + MathF.Exp(-0.8f))], result[1].Data, 1e-7);
    });

    [Fact]
    public void Query_heads_share_key_heads_in_order() => OnEachDevice(backend =>
    {
        // One token sees only itself: y is v of the key head, whatever the scores.
        var result = Run(backend, w =>
        {
            var y = w.Fresh(1, 4, 1);
            w.Backend.Attention(w.Upload(Values.Normal(1, 1, 4, 1)), w.Upload(Values.Normal(2, 1, 2, 1)), w.Upload(Values.Of(new Shape(1, 2, 1), 10, 20)),
                y, null, [new AttentionSegment(0, 1, 0, 1)], new(1));
            return [y];
        });
        Assert.Equal([10f, 10, 20, 20], result[0].Data);
    });
}
