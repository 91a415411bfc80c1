namespace QLora.Text.Tokenizers;

/// <summary>A text made from an original, which knows for each of its characters what part of the original that stands for.</summary>
internal sealed class AlignedText
{
    // One for each character, in order; null for the original itself.
    private readonly TextSpan[]? _origins;

    /// <summary>An original.</summary>
    public AlignedText(string text) => Text = text;

    /// <summary>A text made from an original.</summary>
    public AlignedText(string text, TextSpan[] origins) => (Text, _origins) = (text, origins);

    public string Text { get; }

    /// <summary>What the characters from <paramref name="start"/> up to <paramref name="end"/> (at least one) stand for.</summary>
    public TextSpan OriginOf(int start, int end) => _origins is null ? new TextSpan(start, end) : new TextSpan(_origins[start].Start, _origins[end - 1].End);
}

/// <summary>A part of an aligned text.</summary>
internal readonly record struct Piece(AlignedText Source, int Start, int Length)
{
    public ReadOnlySpan<char> Span => Source.Text.AsSpan(Start, Length);

    public Piece Slice(int start, int length) => new(Source, Start + start, length);

    /// <summary>What the characters from <paramref name="start"/> up to <paramref name="end"/> (at least one) stand for in the original.</summary>
    public TextSpan OriginOf(int start, int end) => Source.OriginOf(Start + start, Start + end);
}
