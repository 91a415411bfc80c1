namespace QLora.Text.Tokenizers;

/// <summary>A tokenizer of single bytes.</summary>
internal static class ByteTokenizer
{
    public static GeneratedSource Create(IReadOnlyList<string> specialTokens, SpecialTokens names)
    {
        var special = specialTokens.Select((token, i) => new AddedToken(256 + i, token) { IsSpecial = true }).ToList();
        if (special.Any(token => token.Content.Length < 2)) throw new ArgumentException("special tokens are two characters or more", nameof(specialTokens));
        var bytes = Enumerable.Range(0, 256).Select(b => (ByteAlphabet.CharacterOf((byte)b).ToString(), b));
        var json = new TokenizerJsonWriter
        {
            Vocabulary = [.. bytes, .. special.Select(token => (token.Content, token.Id))],
            Merges = [],
            AddedTokens = special,
            PreTokenizer = GgufPreTokenizer.ByteLevel,
            Decoder = GgufPreTokenizer.ByteLevelDecoder,
        };
        return new GeneratedSource("the byte-level tokenizer", json.Write(), names);
    }
}
