using System.Buffers;
using System.Text;
using QLora.Models;

namespace QLora.Text.Tokenizers;

/// <summary>Cuts a text into the words that are tokenised each for itself: <c>pre_tokenizer</c> in tokenizer.json.</summary>
internal abstract class PreTokenizer
{
    private const string Supported = "ByteLevel, Digits, Metaspace, Sequence and Split";

    /// <summary>Adds the words of a text, in order; none is empty.</summary>
    public abstract void Split(Piece piece, List<Piece> words);

    /// <summary>Reads a pre-tokenizer.</summary>
    /// <exception cref="QLoraException">It is malformed or not supported.</exception>
    public static PreTokenizer Read(ConfigJson json) => json.String("type") switch
    {
        "Sequence" => PreTokenizerSequence.ReadSequence(json),
        "ByteLevel" => new ByteLevelPreTokenizer(json.Boolean("add_prefix_space", true), json.Boolean("use_regex", true)),
        "Digits" => new DigitsPreTokenizer(json.Boolean("individual_digits", false)),
        "Split" => SplitPreTokenizer.ReadSplit(json),
        "Metaspace" => MetaspacePreTokenizer.ReadMetaspace(json),
        var type => throw json.Error("type", $"a pre-tokenizer of type {type} is not supported; there are {Supported}"),
    };

    /// <summary>Whether the words are to be written in <see cref="ByteAlphabet"/>.</summary>
    public virtual bool IsByteLevel => false;
}

/// <summary>Each cuts what the one before has left.</summary>
internal sealed class PreTokenizerSequence(PreTokenizer[] preTokenizers) : PreTokenizer
{
    public override bool IsByteLevel => preTokenizers.Length > 0 && preTokenizers[^1].IsByteLevel;

    public static PreTokenizerSequence ReadSequence(ConfigJson json)
    {
        PreTokenizer[] parts = [.. json.Objects("pretokenizers").Select(Read)];
        return parts.Take(parts.Length - 1).Any(part => part.IsByteLevel)
            ? throw json.Error("pretokenizers", "ByteLevel before another pre-tokenizer is not supported; expected it to be the last")
            : new PreTokenizerSequence(parts);
    }

    public override void Split(Piece piece, List<Piece> words)
    {
        List<Piece> current = [piece];
        foreach (var preTokenizer in preTokenizers)
        {
            List<Piece> next = new(current.Count);
            foreach (var part in current) preTokenizer.Split(part, next);
            current = next;
        }

        words.AddRange(current);
    }
}

/// <summary>GPT-2's words, in bytes.</summary>
/// <param name="addPrefixSpace">Whether a text that does not begin with a space gets one.</param>
/// <param name="useRegex">Whether it is cut; otherwise the text is one word.</param>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool useRegex) : PreTokenizer
{
    public override bool IsByteLevel => true;

    public override void Split(Piece piece, List<Piece> words)
    {
        if (piece.Length == 0) return;
        if (addPrefixSpace && piece.Span[0] != ' ') piece = new PrependingNormalizer(" ").Normalize(piece);
        if (!useRegex)
        {
            words.Add(piece);
            return;
        }

        foreach (var (start, end, _) in SplitPattern.Gpt2Words.Find(piece.Span)) words.Add(piece.Slice(start, end - start));
    }
}

/// <summary>Numbers stand for themselves.</summary>
/// <param name="individual">Whether each digit does.</param>
internal sealed class DigitsPreTokenizer(bool individual) : PreTokenizer
{
    public override void Split(Piece piece, List<Piece> words)
    {
        var text = piece.Span;
        var start = 0;
        var inNumber = false;
        for (int at = 0, length; at < text.Length; at += length)
        {
            var isNumber = Rune.DecodeFromUtf16(text[at..], out var rune, out length) == OperationStatus.Done && Rune.IsNumber(rune);
            if (at > start && (isNumber != inNumber || (isNumber && individual)))
            {
                words.Add(piece.Slice(start, at - start));
                start = at;
            }

            inNumber = isNumber;
        }

        if (start < text.Length) words.Add(piece.Slice(start, text.Length - start));
    }
}

/// <summary>Every space becomes a sign of its own, which begins a word.</summary>
/// <param name="replacement">The sign.</param>
/// <param name="scheme">Which texts get the sign put before them if they don't begin with it: all, the one at the very beginning, or none.</param>
/// <param name="split">Whether the text is cut before each sign.</param>
internal sealed class MetaspacePreTokenizer(string replacement, MetaspacePreTokenizer.Prepend scheme, bool split) : PreTokenizer
{
    internal enum Prepend
    {
        Always, First, Never,
    }

    private readonly ReplacingNormalizer _replace = new(SplitPattern.OfLiteral(" "), replacement);
    private readonly PrependingNormalizer _prepend = new(replacement);
    private readonly SplitPreTokenizer _split = new(SplitPattern.OfLiteral(replacement), SplitBehavior.MergedWithNext, invert: false);

    public static MetaspacePreTokenizer ReadMetaspace(ConfigJson json) => new(ReadReplacement(json), ReadScheme(json), json.Boolean("split", true));

    public override void Split(Piece piece, List<Piece> words)
    {
        if (piece.Length == 0) return;
        var prepends = scheme == Prepend.Always || (scheme == Prepend.First && piece.OriginOf(0, 1).Start == 0);
        piece = _replace.Normalize(piece);
        if (prepends && !piece.Span.StartsWith(replacement)) piece = _prepend.Normalize(piece);
        if (split) _split.Split(piece, words);
        else words.Add(piece);
    }

    internal static string ReadReplacement(ConfigJson json)
    {
        var replacement = json.String("replacement", "▁");
        return replacement.Length == 1 ? replacement : throw json.Error("replacement", $"is '{replacement}', expected one character");
    }

    /// <summary>Reads <c>prepend_scheme</c>, or <c>add_prefix_space</c>, which says the same in older files.</summary>
    internal static Prepend ReadScheme(ConfigJson json) => json.String("prepend_scheme", json.Boolean("add_prefix_space", true) ? "always" : "never") switch
    {
        "always" => Prepend.Always,
        "first" => Prepend.First,
        "never" => Prepend.Never,
        var other => throw json.Error("prepend_scheme", $"'{other}' is unknown, expected always, first or never"),
    };
}
