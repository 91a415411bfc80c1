using QLora.Models;

namespace QLora.Text.Tokenizers;

/// <summary>What becomes of the matches where a text is cut.</summary>
internal enum SplitBehavior
{
    /// <summary>Each is a word.</summary>
    Isolated,

    /// <summary>They are left out.</summary>
    Removed,

    /// <summary>Each ends the word before it.</summary>
    MergedWithPrevious,

    /// <summary>Each begins the word behind it.</summary>
    MergedWithNext,

    /// <summary>Those that touch each other are one word.</summary>
    Contiguous,
}

/// <summary>Cuts at the matches of a pattern.</summary>
/// <param name="pattern">The pattern.</param>
/// <param name="behavior">What becomes of the matches.</param>
/// <param name="invert">Whether what does not match counts as the match.</param>
internal sealed class SplitPreTokenizer(SplitPattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    public static SplitPreTokenizer ReadSplit(ConfigJson json)
    {
        var name = json.String("behavior");
        return Enum.TryParse<SplitBehavior>(name, out var behavior) && Enum.IsDefined(behavior)
            ? new SplitPreTokenizer(SplitPattern.Read(json), behavior, json.Boolean("invert", false))
            : throw json.Error("behavior", $"'{name}' is unknown, expected {string.Join(", ", Enum.GetNames<SplitBehavior>())}");
    }

    public override void Split(Piece piece, List<Piece> words)
    {
        var spans = pattern.Find(piece.Span);
        for (int first = 0, count; first < spans.Count; first += count)
        {
            count = 1;
            while (first + count < spans.Count && Joins(spans, first + count)) count++;
            if (behavior == SplitBehavior.Removed && Matches(spans[first])) continue;
            words.Add(piece.Slice(spans[first].Start, spans[first + count - 1].End - spans[first].Start));
        }
    }

    private bool Matches(PatternSpan span) => span.IsMatch != invert;

    /// <summary>Whether a span belongs to the word of the one before it.</summary>
    private bool Joins(List<PatternSpan> spans, int index)
    {
        var (before, here) = (Matches(spans[index - 1]), Matches(spans[index]));
        return behavior switch
        {
            SplitBehavior.MergedWithPrevious => here && !before,
            SplitBehavior.MergedWithNext => before && !here,
            SplitBehavior.Contiguous => before == here,
            _ => false,
        };
    }
}
