using QLora.Backends;
using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>Attention and its backward.</summary>
public abstract class AttentionTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // Scores are single-precision dot products (some 1e-7 of their magnitude, up to 10 here) inside an exponential.
    private const double Tolerance = 1e-5;

    // ds = p · (dp − D) subtracts two numbers of the size of dp.
    private const double BackwardTolerance = 3e-5;

    private const float Scale = 0.3f;

    /// <summary>Heads, key heads, head size, and the lengths of the sequences.</summary>
    public static TheoryData<int, int, int, int[]> Cases => new()
    {
        { 1, 1, 8, [1] },
        { 2, 1, 20, [3] },
        { 4, 2, 16, [1, 7, 2] },
        { 9, 3, 64, [70] },
        { 3, 3, 32, [33, 65, 1, 64] },
        { 4, 1, 128, [130] },
        { 6, 2, 20, [300] },
        { 2, 2, 1, [5] },
        { 3, 1, 7, [129, 17] },
    };

    [Theory, MemberData(nameof(Cases))]
    public void Forward(int heads, int keyHeads, int headSize, int[] lengths) => AgreesWithReference(Tolerance, w =>
    {
        var (q, k, v) = Inputs(w, heads, keyHeads, headSize, lengths.Sum());
        var (y, alone, logSumExp) = (w.FreshActivations(lengths.Sum(), heads, headSize), w.FreshActivations(lengths.Sum(), heads, headSize), w.Fresh(lengths.Sum(), heads));
        w.Backend.Attention(q, k, v, y, logSumExp, Segments(lengths), new(Scale));
        w.Backend.Attention(q, k, v, alone, null, Segments(lengths), new(Scale));
        return [y, logSumExp, alone];
    });

    [Theory]
    [InlineData(9, 3, 64, 1, 400)]
    [InlineData(4, 2, 20, 1, 3)]
    [InlineData(2, 1, 16, 40, 170)]
    [InlineData(3, 1, 80, 65, 66)]
    [InlineData(2, 2, 9, 5, 133)]
    public void Forward_with_keys_from_a_cache(int heads, int keyHeads, int headSize, int queries, int keys) => AgreesWithReference(Tolerance, w =>
    {
        // The sequence's keys stand behind those of another one, as in a cache of several conversations.
        var (q, _, _) = Inputs(w, heads, keyHeads, headSize, queries + 2);
        var (_, k, v) = Inputs(w, heads, keyHeads, headSize, keys + 11);
        var (y, logSumExp) = (w.FreshActivations(queries + 2, heads, headSize), w.Fresh(queries + 2, heads));
        w.Backend.Attention(q, k, v, y, logSumExp, [new(0, 2, 0, 7), new(2, queries, 11, keys)], new(0.25f));
        return [y, logSumExp];
    });

    /// <summary>Heads, key heads, head size, the lengths of the sequences, window and cap: windows of one key, within, at and beyond blocks of keys.</summary>
    public static TheoryData<int, int, int, int[], int, float> WindowsAndCaps => new()
    {
        { 1, 1, 8, [1, 9], 1, 0 },
        { 4, 2, 16, [1, 7, 100], 5, 0 },
        { 3, 1, 20, [300], 1, 0 },
        { 3, 1, 20, [300], 7, 0 },
        { 2, 2, 32, [97, 200], 48, 0 },
        { 2, 1, 64, [330], 96, 0 },
        { 2, 1, 7, [330, 50], 101, 0 },
        { 1, 1, 16, [700], 130, 0 },
        { 2, 1, 16, [90], 1000, 0 },
        { 4, 2, 16, [1, 7, 100], 0, 2 },
        { 3, 1, 20, [150], 0, 50 },
        { 2, 1, 9, [250, 8], 60, 1.5f },
    };

    [Theory, MemberData(nameof(WindowsAndCaps))]
    public void Forward_with_a_window_or_a_cap(int heads, int keyHeads, int headSize, int[] lengths, int window, float cap) => AgreesWithReference(Tolerance, w =>
    {
        var (q, k, v) = Inputs(w, heads, keyHeads, headSize, lengths.Sum());
        var (y, logSumExp) = (w.FreshActivations(lengths.Sum(), heads, headSize), w.Fresh(lengths.Sum(), heads));
        w.Backend.Attention(q, k, v, y, logSumExp, Segments(lengths), new(Scale, window, cap));
        return [y, logSumExp];
    });

    [Theory]
    [InlineData(1, 400, 1, 0)]
    [InlineData(1, 400, 64, 3)]
    [InlineData(5, 133, 130, 0)]
    [InlineData(40, 170, 20, 0)]
    [InlineData(65, 466, 150, 2)]
    [InlineData(65, 466, 1, 2)]
    public void Forward_with_keys_from_a_cache_and_a_window(int queries, int keys, int window, float cap) => AgreesWithReference(Tolerance, w =>
    {
        var (q, _, _) = Inputs(w, 4, 2, 20, queries + 2);
        var (_, k, v) = Inputs(w, 4, 2, 20, keys + 11);
        var (y, logSumExp) = (w.FreshActivations(queries + 2, 4, 20), w.Fresh(queries + 2, 4));
        w.Backend.Attention(q, k, v, y, logSumExp, [new(0, 2, 0, 7), new(2, queries, 11, keys)], new(0.25f, window, cap));
        return [y, logSumExp];
    });

    /// <summary>
    /// Generation: few queries to many keys, of several conversations at once. Heads, key heads, head size, window, cap, and queries and keys of each: as many queries and keys as a GPU's
    /// group takes at once, and one more or less; heads of more elements, and of a number that is no power of two.
    /// </summary>
    public static TheoryData<int, int, int, int, float, (int Queries, int Keys)[]> FewQueries => new()
    {
        { 4, 2, 64, 0, 0, [(1, 1), (1, 255), (1, 256), (1, 257)] },
        { 8, 2, 64, 0, 0, [(1, 1100)] },
        { 4, 1, 20, 0, 0, [(4, 300), (1, 7), (3, 3)] },
        { 2, 2, 128, 0, 0, [(5, 300), (1, 40)] },
        { 2, 1, 256, 0, 30, [(1, 530)] },
        { 2, 1, 200, 0, 0, [(2, 515)] },
        { 3, 3, 1, 0, 0, [(1, 600), (2, 9)] },
        { 4, 2, 32, 100, 0, [(1, 1000), (4, 259), (2, 60)] },
        { 4, 2, 32, 1, 2, [(1, 513), (3, 300)] },
        { 2, 1, 9, 257, 5, [(4, 800)] },
        { 2, 1, 12, 5, 2, [(1, 20), (3, 9)] },
    };

    [Theory, MemberData(nameof(FewQueries))]
    public void Forward_of_few_queries(int heads, int keyHeads, int headSize, int window, float cap, (int Queries, int Keys)[] lengths) => AgreesWithReference(Tolerance, w =>
    {
        var (queries, keys) = (lengths.Sum(length => length.Queries), lengths.Sum(length => length.Keys));
        var (q, _, _) = Inputs(w, heads, keyHeads, headSize, queries);
        var (_, k, v) = Inputs(w, heads, keyHeads, headSize, keys);
        var segments = new AttentionSegment[lengths.Length];
        for (int i = 0, query = 0, key = 0; i < lengths.Length; query += lengths[i].Queries, key += lengths[i++].Keys) segments[i] = new(query, lengths[i].Queries, key, lengths[i].Keys);
        var (y, alone, logSumExp) = (w.FreshActivations(queries, heads, headSize), w.FreshActivations(queries, heads, headSize), w.Fresh(queries, heads));
        w.Backend.Attention(q, k, v, y, logSumExp, segments, new(Scale, window, cap));
        w.Backend.Attention(q, k, v, alone, null, segments, new(Scale, window, cap));
        return [y, logSumExp, alone];
    });

    [Fact]
    public void A_query_does_not_see_what_lies_before_its_window() => OnEachDevice(backend =>
    {
        var results = Run(backend, w =>
        {
            var (q, k, v) = Inputs(w, 2, 1, 16, 250);
            var (before, after) = (w.FreshActivations(250, 2, 16), w.FreshActivations(250, 2, 16));
            w.Backend.Attention(q, k, v, before, null, Segments([250]), new(Scale, 20));
            foreach (var changed in new[] { k.Slice(0, 100), v.Slice(0, 100) }) w.Backend.Add(changed, changed, 1);
            w.Backend.Attention(q, k, v, after, null, Segments([250]), new(Scale, 20));
            return [before.Slice(119, 131), after.Slice(119, 131), before.Slice(100, 19), after.Slice(100, 19)];
        });
        Close.CheckSameBits("later rows", results[0].Data, results[1].Data);
        Assert.DoesNotContain(results[2].Data.Zip(results[3].Data), pair => pair.First == pair.Second);
    });

    [Fact]
    public void Large_scores_do_not_overflow() => AgreesWithReference(1e-4, w =>
    {
        var (q, k, v) = Inputs(w, 2, 1, 16, 90);
        w.Backend.Add(q, q, 99);
        var (y, logSumExp) = (w.FreshActivations(90, 2, 16), w.Fresh(90, 2));
        w.Backend.Attention(q, k, v, y, logSumExp, Segments([90]), new(1));
        return [y, logSumExp];
    });

    [Fact]
    public void A_sequence_does_not_see_another_nor_its_own_future() => OnEachDevice(backend =>
    {
        var results = Run(backend, w =>
        {
            var (q, k, v) = Inputs(w, 2, 1, 16, 90);
            var (before, after) = (w.FreshActivations(90, 2, 16), w.FreshActivations(90, 2, 16));
            w.Backend.Attention(q, k, v, before, null, Segments([30, 60]), new(Scale));
            foreach (var changed in new[] { k.Slice(75, 15), v.Slice(75, 15) }) w.Backend.Add(changed, changed, 1);
            w.Backend.Attention(q, k, v, after, null, Segments([30, 60]), new(Scale));
            return [before.Slice(0, 75), after.Slice(0, 75), before.Slice(75, 15), after.Slice(75, 15)];
        });
        Close.CheckSameBits("earlier rows", results[0].Data, results[1].Data);
        Assert.DoesNotContain(results[2].Data.Zip(results[3].Data), pair => pair.First == pair.Second);
    });

    [Theory, MemberData(nameof(Cases))]
    public void Backward(int heads, int keyHeads, int headSize, int[] lengths) => AgreesWithReference(BackwardTolerance, w =>
    {
        var tokens = lengths.Sum();
        var (q, k, v) = Inputs(w, heads, keyHeads, headSize, tokens);
        return Backward(w, q, k, v, w.UploadActivations(Values.Normal(4, tokens, heads, headSize)), lengths);
    }, terms: lengths.Max() == 1 ? 1 : 0, roundedTerms: RoundedTerms(headSize)); // a single key's score has no gradient: dp − D cancels

    [Theory, MemberData(nameof(WindowsAndCaps))]
    public void Backward_with_a_window_or_a_cap(int heads, int keyHeads, int headSize, int[] lengths, int window, float cap) => AgreesWithReference(BackwardTolerance, w =>
    {
        var tokens = lengths.Sum();
        var (q, k, v) = Inputs(w, heads, keyHeads, headSize, tokens);
        return Backward(w, q, k, v, w.UploadActivations(Values.Normal(4, tokens, heads, headSize)), lengths, window, cap);
    }, terms: window == 1 ? 1 : 0, roundedTerms: RoundedTerms(headSize)); // as with a single key

    [Theory]
    [InlineData(2, 1, 6, new[] { 4, 1, 3 }, 0, 0)]
    [InlineData(2, 2, 9, new[] { 6 }, 0, 0)]
    [InlineData(2, 1, 6, new[] { 4, 1, 5 }, 2, 0)]
    [InlineData(2, 1, 6, new[] { 4, 1, 3 }, 0, 2)]
    [InlineData(2, 2, 9, new[] { 6 }, 3, 3)]
    public void Gradients(int heads, int keyHeads, int headSize, int[] lengths, int window, float cap) => GradientsAgreeWithDifferences(5e-5,
        [Values.Normal(1, lengths.Sum(), heads, headSize), Values.Normal(2, lengths.Sum(), keyHeads, headSize), Values.Normal(3, lengths.Sum(), keyHeads, headSize)],
        (w, inputs) =>
        {
            var y = w.FreshActivations(lengths.Sum(), heads, headSize);
            w.Backend.Attention(inputs[0], inputs[1], inputs[2], y, null, Segments(lengths), new(Scale, window, cap));
            return y;
        },
        (w, inputs, dy) => Backward(w, inputs[0], inputs[1], inputs[2], dy, lengths, window, cap),
        roundedTerms: 1); // D is made of the rounded y, and dp − D cancels where a query sees few keys

    [Fact]
    public void Shapes()
    {
        AttentionSegment[] one = [new(0, 2, 0, 2)];
        Refuses("Attention", "q", w => w.Backend.Attention(w.Fresh(2, 8), w.Fresh(2, 1, 8), w.Fresh(2, 1, 8), w.Fresh(2, 8), null, one, new(1)));
        Refuses("Attention", "k", w => w.Backend.Attention(w.Fresh(2, 3, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 3, 8), null, one, new(1)));
        Refuses("Attention", "k", w => w.Backend.Attention(w.Fresh(2, 2, 8), w.Fresh(2, 2, 9), w.Fresh(2, 2, 9), w.Fresh(2, 2, 8), null, one, new(1)));
        Refuses("Attention", "v", w => w.Backend.Attention(w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 1, 8), w.Fresh(2, 2, 8), null, one, new(1)));
        Refuses("Attention", "y", w => w.Backend.Attention(w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 1, 8), null, one, new(1)));
        Refuses("Attention", "logSumExp", w => w.Backend.Attention(w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2), one, new(1)));
        foreach (var segment in new AttentionSegment[] { new(0, 0, 0, 0), new(0, 3, 0, 3), new(-1, 2, 0, 2), new(0, 2, 1, 2), new(0, 2, 0, 1), new(1, 1, 0, int.MaxValue) })
        {
            Refuses("Attention", "AttentionSegment", w => w.Backend.Attention(w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), null, [segment], new(1)));
        }

        foreach (var options in new AttentionOptions[] { new(0), new(-1), new(float.NaN), new(1, -1), new(1, 0, -1), new(1, 0, float.NaN) })
        {
            Refuses("Attention", "AttentionOptions", w => w.Backend.Attention(w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), null, one, options));
        }

        Refuses("AttentionBackward", "dk", w => w.Backend.AttentionBackward(w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2),
            w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2, 9), w.Fresh(2, 2, 8), one, new(1)));
        Refuses("AttentionBackward", "AttentionSegment", w => w.Backend.AttentionBackward(w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2, 8),
            w.Fresh(2, 2), w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), w.Fresh(2, 2, 8), [new(0, 1, 0, 2)], new(1)));
    }

    // The gradients of scores, which may be rounded, are those of few keys far larger than others: Scale · (dp − D), both of which have the size of the root of the head
    // size, and D is made of the rounded y.
    private static double RoundedTerms(int headSize) => 2 * Scale * Math.Sqrt(headSize);

    private static (Tensor Q, Tensor K, Tensor V) Inputs(Workspace w, int heads, int keyHeads, int headSize, int tokens) => (
        w.UploadActivations(Values.Normal(1, tokens, heads, headSize)),
        w.UploadActivations(Values.Normal(2, tokens, keyHeads, headSize)),
        w.UploadActivations(Values.Normal(3, tokens, keyHeads, headSize)));

    private static Tensor[] Backward(Workspace w, Tensor q, Tensor k, Tensor v, Tensor dy, int[] lengths, int window = 0, float cap = 0)
    {
        var (tokens, heads, headSize, keyHeads) = (q.Shape[0], q.Shape[1], q.Shape[2], k.Shape[1]);
        var (y, logSumExp) = (w.FreshActivations(tokens, heads, headSize), w.Fresh(tokens, heads));
        var (dq, dk, dv) = (w.FreshActivations(tokens, heads, headSize), w.FreshActivations(tokens, keyHeads, headSize), w.FreshActivations(tokens, keyHeads, headSize));
        w.Backend.Attention(q, k, v, y, logSumExp, Segments(lengths), new(Scale, window, cap));
        w.Backend.AttentionBackward(q, k, v, y, logSumExp, dy, dq, dk, dv, Segments(lengths), new(Scale, window, cap));
        return [dq, dk, dv];
    }

    private static AttentionSegment[] Segments(int[] lengths)
    {
        var segments = new AttentionSegment[lengths.Length];
        for (int i = 0, start = 0; i < lengths.Length; start += lengths[i++]) segments[i] = new(start, lengths[i], start, lengths[i]);
        return segments;
    }
}
