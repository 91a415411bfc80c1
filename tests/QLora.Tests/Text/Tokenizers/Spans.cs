using QLora.Data;
using QLora.Text;

namespace QLora.Tests.Text.Tokenizers;

/// <summary>What holds of every tokenised text.</summary>
internal static class Spans
{
    /// <summary>Spans follow each other, none in the middle of a surrogate pair, and leave nothing of the text out.</summary>
    public static void AssertCover(string text, EncodedText encoded)
    {
        Assert.Equal(encoded.Ids.Length, encoded.Spans.Length);
        var (start, end) = (0, 0);
        foreach (var span in encoded.Spans)
        {
            if (span.Start < start || span.Start > end || span.End < end) Assert.Fail($"{span} after {start}–{end} in '{text}'");
            if (InPair(text, span.Start) || InPair(text, span.End)) Assert.Fail($"{span} cuts a character of '{text}'");
            (start, end) = (span.Start, span.End);
        }

        Assert.Equal(text.Length, end);
    }

    /// <summary>The pieces in which a text comes when its tokens come one by one.</summary>
    public static IEnumerable<string> Stream(Tokenizer tokenizer, IEnumerable<int> ids, bool skipSpecialTokens)
    {
        var stream = tokenizer.NewStream(skipSpecialTokens);
        foreach (var id in ids) yield return stream.Add(id);
        yield return stream.Finish();
    }

    private static bool InPair(string text, int position)
        => position > 0 && position < text.Length && char.IsHighSurrogate(text[position - 1]) && char.IsLowSurrogate(text[position]);
}
