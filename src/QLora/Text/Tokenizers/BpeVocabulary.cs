namespace QLora.Text.Tokenizers;

/// <summary>One rule of byte-pair encoding: two tokens that stand side by side become one. Rules are tried in their order.</summary>
internal readonly record struct Merge(int Left, int Right, int Merged);

/// <summary>The <c>model</c> of tokenizer.json, checked.</summary>
internal sealed record BpeVocabulary
{
    /// <summary>The id of each token.</summary>
    public required Dictionary<string, int> Ids { get; init; }

    /// <summary>The token of each id; null where an id has none.</summary>
    public required string?[] Tokens { get; init; }

    public required Merge[] Merges { get; init; }

    /// <summary>What stands for a character that has no token; null when such characters are left out.</summary>
    public int? Unknown { get; init; }

    /// <summary>Whether unknown characters side by side are one unknown token.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>Whether a character that has no token is written in tokens of its bytes, <c>&lt;0x0A&gt;</c>.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>Whether a word that is a token is that token, whatever the merges say.</summary>
    public bool IgnoreMerges { get; init; }

    /// <summary>Whether words are written in <see cref="ByteAlphabet"/>.</summary>
    public bool IsByteLevel { get; init; }
}
