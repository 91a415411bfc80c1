namespace QLora.Text.Tokenizers;

/// <summary>What a tokenizer.json says.</summary>
internal sealed record TokenizerParts
{
    public required BpeVocabulary Vocabulary { get; init; }

    public required IReadOnlyList<AddedToken> AddedTokens { get; init; }

    public Normalizer? Normalizer { get; init; }

    public PreTokenizer? PreTokenizer { get; init; }

    public required PostProcessor PostProcessor { get; init; }

    public required TokenDecoder Decoder { get; init; }
}
