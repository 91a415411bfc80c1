using QLora.Backends;

namespace QLora.Tests.Backends.Cpu;

public sealed class Attention() : AttentionTests(Devices.All)
{
    [Fact]
    public void Memory_grows_with_the_tokens_not_with_their_square() => OnEachDevice(backend =>
    {
        var (shorter, longer) = (PeakBytes(384), PeakBytes(1536));
        Assert.InRange(longer, shorter, 5 * shorter);

        long PeakBytes(int tokens)
        {
            var before = backend.Memory.PeakInUse;
            using var w = new Workspace(backend);
            var (q, k, v) = (w.Upload(Values.Normal(1, tokens, 4, 32)), w.Upload(Values.Normal(2, tokens, 2, 32)), w.Upload(Values.Normal(3, tokens, 2, 32)));
            var (y, logSumExp, dq, dk, dv) = (w.Fresh(tokens, 4, 32), w.Fresh(tokens, 4), w.Fresh(tokens, 4, 32), w.Fresh(tokens, 2, 32), w.Fresh(tokens, 2, 32));
            AttentionSegment[] segments = [new(0, tokens, 0, tokens)];
            backend.Attention(q, k, v, y, logSumExp, segments, new(0.2f));
            backend.AttentionBackward(q, k, v, y, logSumExp, y, dq, dk, dv, segments, new(0.2f));
            return backend.Memory.PeakInUse - before;
        }
    });
}
