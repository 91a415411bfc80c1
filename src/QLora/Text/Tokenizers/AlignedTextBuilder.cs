using System.Text;

namespace QLora.Text.Tokenizers;

/// <summary>Makes a new text from a piece, front to back, and keeps track of where each character comes from.</summary>
internal sealed class AlignedTextBuilder(Piece piece)
{
    private readonly StringBuilder _text = new(piece.Length + 1);
    private readonly List<TextSpan> _origins = new(piece.Length + 1);

    /// <summary>Takes over characters of the piece as they are.</summary>
    public void Keep(int start, int end)
    {
        _text.Append(piece.Span[start..end]);
        for (var i = start; i < end; i++) _origins.Add(piece.OriginOf(i, i + 1));
    }

    /// <summary>Writes a text for characters of the piece; each of its own stands for all of them.</summary>
    public void Replace(int start, int end, ReadOnlySpan<char> text) => Add(text, piece.OriginOf(start, end));

    /// <summary>Writes a text that stands for nothing, before all others.</summary>
    public void Prepend(ReadOnlySpan<char> text)
    {
        var at = piece.OriginOf(0, 1).Start;
        Add(text, new TextSpan(at, at));
    }

    public Piece Build() => new(new AlignedText(_text.ToString(), [.. _origins]), 0, _text.Length);

    private void Add(ReadOnlySpan<char> text, TextSpan origin)
    {
        _text.Append(text);
        for (var i = 0; i < text.Length; i++) _origins.Add(origin);
    }
}
