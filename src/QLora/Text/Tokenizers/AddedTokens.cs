using System.Buffers;
using System.Globalization;
using System.Text;

namespace QLora.Text.Tokenizers;

/// <summary>A token that is found in texts as it is written, before they are cut into words: <c>added_tokens</c> in tokenizer.json.</summary>
internal sealed record AddedToken(int Id, string Content)
{
    /// <summary>Whether it is left out when ids are decoded without special tokens.</summary>
    public bool IsSpecial { get; init; }

    /// <summary>Whether it is looked for in the normalised text.</summary>
    public bool IsNormalized { get; init; }

    /// <summary>Whether it is only found where no word goes on at either side.</summary>
    public bool IsSingleWord { get; init; }

    /// <summary>Whether it takes the white space before it.</summary>
    public bool StripsLeft { get; init; }

    /// <summary>Whether it takes the white space behind it.</summary>
    public bool StripsRight { get; init; }
}

/// <summary>A part of a text: an added token, or what lies between two.</summary>
internal readonly record struct Segment(Piece Text, AddedToken? Token);

/// <summary>Finds added tokens in texts: the leftmost, and of those that begin at one place the longest.</summary>
internal sealed class AddedTokenFinder
{
    private readonly Dictionary<string, AddedToken> _tokens = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AddedToken>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly int[] _lengths;
    private readonly SearchValues<string> _search;

    /// <summary>Creates a finder.</summary>
    /// <param name="tokens">The tokens, and how each is written in the texts that are searched; empty ones are never found.</param>
    public AddedTokenFinder(IEnumerable<(string Written, AddedToken Token)> tokens)
    {
        foreach (var (written, token) in tokens)
        {
            if (written.Length > 0) _tokens.TryAdd(written, token);
        }

        _lookup = _tokens.GetAlternateLookup<ReadOnlySpan<char>>();
        _lengths = [.. _tokens.Keys.Select(written => written.Length).Distinct().OrderDescending()];
        _search = SearchValues.Create([.. _tokens.Keys], StringComparison.Ordinal);
    }

    /// <summary>The tokens in a text and what lies between them, in order.</summary>
    public IEnumerable<Segment> Find(Piece piece)
    {
        var end = 0;
        var at = 0;
        while (Next(piece, ref at) is { } token)
        {
            var start = at;
            at += LengthAt(piece, start);
            if (token.IsSingleWord && (EndsWithWord(piece.Span[..start]) || BeginsWithWord(piece.Span[at..]))) continue;
            if (token.StripsLeft) start = Math.Max(piece.Span[..start].TrimEnd().Length, end);
            if (token.StripsRight) at = piece.Length - piece.Span[at..].TrimStart().Length;
            if (start > end) yield return new Segment(piece.Slice(end, start - end), null);
            yield return new Segment(piece.Slice(start, at - start), token);
            end = at;
        }

        if (end < piece.Length) yield return new Segment(piece.Slice(end, piece.Length - end), null);
    }

    /// <summary>The first token from a place on, which moves to it.</summary>
    private AddedToken? Next(Piece piece, ref int at)
    {
        var found = piece.Span[at..].IndexOfAny(_search);
        if (found < 0) return null;
        at += found;
        return _lookup[piece.Span.Slice(at, LengthAt(piece, at))];
    }

    private int LengthAt(Piece piece, int at)
    {
        foreach (var length in _lengths)
        {
            if (length <= piece.Length - at && _lookup.ContainsKey(piece.Span.Slice(at, length))) return length;
        }

        throw new InvalidOperationException("a token was found that is none");
    }

    private static bool BeginsWithWord(ReadOnlySpan<char> text) => Rune.DecodeFromUtf16(text, out var rune, out _) == OperationStatus.Done && IsOfWord(rune);

    private static bool EndsWithWord(ReadOnlySpan<char> text) => Rune.DecodeLastFromUtf16(text, out var rune, out _) == OperationStatus.Done && IsOfWord(rune);

    /// <summary>What <c>\w</c> means to Unicode: letters, marks, decimal digits, letter numbers, connectors and joiners.</summary>
    private static bool IsOfWord(Rune rune) => Rune.IsLetter(rune) || rune.Value is 0x200C or 0x200D || Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark
        or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation;
}
