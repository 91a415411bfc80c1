using QLora.Models;

namespace QLora.Text.Tokenizers;

/// <summary>Changes a text before it is split: <c>normalizer</c> in tokenizer.json.</summary>
internal abstract class Normalizer
{
    /// <summary>The changed text; an empty one stays empty.</summary>
    public abstract Piece Normalize(Piece piece);

    /// <summary>Reads a normalizer.</summary>
    /// <exception cref="QLoraException">It is malformed or not supported.</exception>
    public static Normalizer Read(ConfigJson json) => json.String("type") switch
    {
        "Sequence" => new NormalizerSequence([.. json.Objects("normalizers").Select(Read)]),
        "NFC" => new ComposingNormalizer(),
        "Replace" => new ReplacingNormalizer(SplitPattern.Read(json), json.String("content")),
        "Prepend" => new PrependingNormalizer(json.String("prepend")),
        var type => throw json.Error("type", $"a normalizer of type {type} is not supported; there are NFC, Prepend, Replace and Sequence"),
    };
}

/// <summary>One after the other.</summary>
internal sealed class NormalizerSequence(Normalizer[] normalizers) : Normalizer
{
    public override Piece Normalize(Piece piece)
    {
        foreach (var normalizer in normalizers) piece = normalizer.Normalize(piece);
        return piece;
    }
}

/// <summary>Unicode's normalization form C.</summary>
internal sealed class ComposingNormalizer : Normalizer
{
    public override Piece Normalize(Piece piece) => CanonicalComposition.Compose(piece);
}

/// <summary>Writes one text for each match of a pattern.</summary>
internal sealed class ReplacingNormalizer(SplitPattern pattern, string content) : Normalizer
{
    public override Piece Normalize(Piece piece)
    {
        var matches = pattern.Find(piece.Span);
        if (!matches.Exists(match => match.IsMatch)) return piece;
        var builder = new AlignedTextBuilder(piece);
        foreach (var (start, end, isMatch) in matches)
        {
            if (isMatch) builder.Replace(start, end, content);
            else builder.Keep(start, end);
        }

        return builder.Build();
    }
}

/// <summary>Puts a text before every text that is not empty.</summary>
internal sealed class PrependingNormalizer(string prefix) : Normalizer
{
    public override Piece Normalize(Piece piece)
    {
        if (piece.Length == 0) return piece;
        var builder = new AlignedTextBuilder(piece);
        builder.Prepend(prefix);
        builder.Keep(0, piece.Length);
        return builder.Build();
    }
}
