namespace QLora.Text.Tokenizers;

/// <summary>
/// Cuts texts before each SentencePiece space, where the vocabulary has no token that reaches over such a place: the tokens stay the same, but short words are met again
/// and again where a whole text never is.
/// </summary>
internal sealed class SafeCuts : PreTokenizer
{
    private const char Space = '▁';

    private SafeCuts()
    {
    }

    /// <summary>The cuts that a vocabulary allows; null for none.</summary>
    public static SafeCuts? For(BpeVocabulary vocabulary)
    {
        if (vocabulary.IsByteLevel || vocabulary.IgnoreMerges || !vocabulary.Ids.ContainsKey(Space.ToString())) return null;
        return vocabulary.Merges.Any(merge => NextCut(vocabulary.Tokens[merge.Merged], 0) >= 0) ? null : new SafeCuts();
    }

    public override void Split(Piece piece, List<Piece> words)
    {
        var start = 0;
        for (int cut; (cut = NextCut(piece.Span, start)) >= 0; start = cut) words.Add(piece.Slice(start, cut - start));
        if (start < piece.Length) words.Add(piece.Slice(start, piece.Length - start));
    }

    /// <summary>The next place behind <paramref name="start"/> where a space follows another character; -1 when there is none.</summary>
    private static int NextCut(ReadOnlySpan<char> text, int start)
    {
        for (var i = start + 1; i < text.Length; i++)
        {
            if (text[i] == Space && text[i - 1] != Space) return i;
        }

        return -1;
    }
}
