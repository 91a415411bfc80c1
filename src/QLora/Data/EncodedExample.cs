using QLora.Models;
using QLora.Text;

namespace QLora.Data;

/// <summary>An example with the text that it came from, for people to look at.</summary>
/// <param name="Text">What the model sees, cut where the example is.</param>
/// <param name="Example">The token ids and labels.</param>
/// <param name="TokenSpans">For each token the part of the text that it stands for.</param>
/// <param name="IsTruncated">Whether tokens were cut off at the end.</param>
public sealed record EncodedExample(string Text, TrainingExample Example, IReadOnlyList<TextSpan> TokenSpans, bool IsTruncated)
{
    /// <summary>The parts of the text that the supervised tokens stand for, each as long as possible.</summary>
    public IReadOnlyList<TextSpan> SupervisedSpans()
    {
        List<TextSpan> spans = [];
        var continues = false;
        for (var i = 0; i < TokenSpans.Count; i++)
        {
            var supervised = Example.Labels[i] != TokenBatch.Ignored;
            if (supervised && continues) spans[^1] = spans[^1] with { End = Math.Max(spans[^1].End, TokenSpans[i].End) };
            else if (supervised) spans.Add(TokenSpans[i]);
            continues = supervised;
        }

        return spans;
    }

    /// <summary>The tokens that begin in one of the parts are supervised.</summary>
    internal static EncodedExample Supervise(string text, EncodedText encoded, IReadOnlyList<TextSpan> parts) =>
        Supervise(text, encoded, token => token.End > token.Start && parts.Any(part => token.Start >= part.Start && token.Start < part.End));

    internal static EncodedExample Supervise(string text, EncodedText encoded, Func<TextSpan, bool> isSupervised)
    {
        var labels = new int[encoded.Ids.Length];
        for (var i = 0; i < labels.Length; i++) labels[i] = isSupervised(encoded.Spans[i]) ? encoded.Ids[i] : TokenBatch.Ignored;
        return new EncodedExample(text, new TrainingExample(encoded.Ids, labels), encoded.Spans, IsTruncated: false);
    }

    /// <summary>
    /// Tokens given as such: the text is what they decode to, one run of supervised or ignored tokens after the other, and each token of a run has the run's span.
    /// A run ends where the example will be cut.
    /// </summary>
    internal static EncodedExample OfTokens(ITextEncoder encoder, TokenRow row, int maxLength)
    {
        var text = "";
        var spans = new TextSpan[row.InputIds.Length];
        for (int start = 0, end; start < spans.Length; start = end)
        {
            var ignored = row.Labels[start] == TokenBatch.Ignored;
            end = start + 1;
            while (end < spans.Length && end != maxLength && (row.Labels[end] == TokenBatch.Ignored) == ignored) end++;
            var run = encoder.Decode(row.InputIds.AsSpan(start, end - start));
            spans.AsSpan(start, end - start).Fill(new TextSpan(text.Length, text.Length + run.Length));
            text += run;
        }

        return new EncodedExample(text, new TrainingExample(row.InputIds, row.Labels), spans, IsTruncated: false);
    }

    /// <summary>The first tokens, and the text up to the end of the last of them.</summary>
    internal EncodedExample Truncate(int maxLength)
    {
        if (Example.InputIds.Length <= maxLength) return this;
        var example = new TrainingExample(Example.InputIds[..maxLength], Example.Labels[..maxLength]);
        return new EncodedExample(Text[..TokenSpans[maxLength - 1].End], example, [.. TokenSpans.Take(maxLength)], IsTruncated: true);
    }
}
