using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void AttentionCore(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor? logSumExp, ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
    {
        var (heads, headSize, group) = (q.Shape[1], q.Shape[2], q.Shape[1] / k.Shape[1]);
        foreach (var segment in segments)
        {
            for (var i = 0; i < segment.QueryCount; i++)
            {
                var token = segment.QueryStart + i;
                var visible = i + segment.KeyCount - segment.QueryCount + 1;
                var first = FirstVisible(visible, options);
                for (var h = 0; h < heads; h++)
                {
                    var query = Head(q, token, h);
                    var scores = new double[visible - first];
                    for (var j = first; j < visible; j++) scores[j - first] = Score(query, Head(k, segment.KeyStart + j, h / group), options);

                    var largest = scores.Max();
                    var sum = scores.Sum(score => Math.Exp(score - largest));
                    var result = new double[headSize];
                    for (var j = first; j < visible; j++)
                    {
                        var probability = Math.Exp(scores[j - first] - largest) / sum;
                        AddScaled(Head(v, segment.KeyStart + j, h / group), probability, result);
                    }

                    Round(result, Head(y, token, h));
                    if (logSumExp is { } lse) lse.Span<float>()[token * heads + h] = (float)(Math.Log(sum) + largest);
                }
            }
        }
    }

    /// <inheritdoc/>
    protected override void AttentionBackwardCore(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor dq, Tensor dk, Tensor dv,
        ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
    {
        var (heads, headSize, group) = (q.Shape[1], q.Shape[2], q.Shape[1] / k.Shape[1]);
        foreach (var segment in segments)
        {
            for (var keyHead = 0; keyHead < k.Shape[1]; keyHead++)
            {
                var keyGradients = new double[segment.KeyCount][];
                var valueGradients = new double[segment.KeyCount][];
                for (var j = 0; j < segment.KeyCount; j++) (keyGradients[j], valueGradients[j]) = (new double[headSize], new double[headSize]);

                for (var h = keyHead * group; h < (keyHead + 1) * group; h++)
                {
                    for (var i = 0; i < segment.QueryCount; i++)
                    {
                        var token = segment.QueryStart + i;
                        var query = Head(q, token, h);
                        var gradient = Head(dy, token, h);
                        var dot = Dot(gradient, Head(y, token, h));
                        var queryGradient = new double[headSize];
                        for (var j = FirstVisible(i + 1, options); j <= i; j++)
                        {
                            var key = Head(k, segment.KeyStart + j, keyHead);
                            var value = Head(v, segment.KeyStart + j, keyHead);
                            var score = Score(query, key, options);
                            var probability = Math.Exp(score - logSumExp.Span<float>()[token * heads + h]);
                            var scoreGradient = probability * (Dot(gradient, value) - dot);
                            if (options.SoftCap > 0) scoreGradient *= 1 - score / options.SoftCap * (score / options.SoftCap);
                            AddScaled(gradient, probability, valueGradients[j]);
                            AddScaled(key, options.Scale * scoreGradient, queryGradient);
                            AddScaled(query, options.Scale * scoreGradient, keyGradients[j]);
                        }

                        Round(queryGradient, Head(dq, token, h));
                    }
                }

                for (var j = 0; j < segment.KeyCount; j++)
                {
                    Round(keyGradients[j], Head(dk, segment.KeyStart + j, keyHead));
                    Round(valueGradients[j], Head(dv, segment.KeyStart + j, keyHead));
                }
            }
        }
    }

    /// <summary>The first key in the window of a query that would otherwise see all up to <paramref name="visible"/>.</summary>
    private static int FirstVisible(int visible, AttentionOptions options) => options.Window > 0 ? Math.Max(0, visible - options.Window) : 0;

    private static double Score(ActivationSpan query, ActivationSpan key, AttentionOptions options)
    {
        var score = options.Scale * Dot(query, key);
        return options.SoftCap > 0 ? options.SoftCap * Math.Tanh(score / options.SoftCap) : score;
    }

    /// <summary>One head of one token of a (tokens, heads, headSize) tensor.</summary>
    private static ActivationSpan Head(Tensor x, int token, int head)
    {
        var headSize = x.Shape[2];
        return new ActivationSpan(x.Slice(token, 1)).Slice(head * headSize, headSize);
    }

    private static double Dot(ActivationSpan x, ActivationSpan y)
    {
        var sum = 0.0;
        for (var i = 0; i < x.Length; i++) sum += (double)x[i] * y[i];
        return sum;
    }

    private static void AddScaled(ActivationSpan x, double factor, Span<double> sum)
    {
        for (var i = 0; i < x.Length; i++) sum[i] += factor * x[i];
    }

    private static void Round(ReadOnlySpan<double> source, ActivationSpan destination)
    {
        for (var i = 0; i < source.Length; i++) destination[i] = (float)source[i];
    }
}
