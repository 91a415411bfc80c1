using System.Text;
using QLora.Checkpoints.Gguf;

namespace QLora.Text.Tokenizers;

/// <summary>
/// Turns the tokenizer in a GGUF file's metadata into a tokenizer.json: the kinds <c>gpt2</c> (bytes, with merges) and <c>llama</c> (characters, with scores).
/// </summary>
internal sealed class GgufTokenizer
{
    private const string Prefix = "tokenizer.ggml.";

    // SentencePiece's own limit is 16 characters, if not raised.
    private const int LongestScoredToken = 256;

    private readonly GgufFile _file;
    private readonly IReadOnlyList<string> _tokens;
    private readonly IReadOnlyList<long> _types;

    private GgufTokenizer(GgufFile file)
    {
        _file = file;
        _tokens = file.Metadata.GetStrings(Prefix + "tokens") ?? throw Error("tokens", "is missing, expected the list of tokens");
        _types = file.Metadata.GetIntegers(Prefix + "token_type") ?? [.. Enumerable.Repeat((long)TokenType.Normal, _tokens.Count)];
        if (_types.Count != _tokens.Count) throw Error("token_type", $"has {_types.Count} entries for {_tokens.Count} tokens");
    }

    private enum TokenType
    {
        Normal = 1, Unknown, Control, UserDefined, Unused, Byte,
    }

    /// <summary>Reads a file's tokenizer.</summary>
    /// <exception cref="QLoraException">There is none, or it is malformed or of another kind.</exception>
    public static GeneratedSource Read(GgufFile file)
    {
        var kind = file.Metadata.GetString(Prefix + "model") ?? throw new QLoraException($"{file.Path}: key {Prefix}model is missing: the file has no tokenizer");
        var tokenizer = new GgufTokenizer(file);
        var json = kind switch
        {
            "gpt2" => tokenizer.OfBytes(),
            "llama" => tokenizer.OfCharacters(),
            _ => throw tokenizer.Error("model", $"is '{kind}', which is not supported; there are gpt2 and llama"),
        };
        var specialTokens = new SpecialTokens(tokenizer.Special("bos"), tokenizer.Special("eos"), tokenizer.Special("padding"));
        return new GeneratedSource($"{file.Path}: tokenizer", json.Write(), specialTokens);
    }

    private TokenizerJsonWriter OfBytes()
    {
        var name = _file.Metadata.GetString(Prefix + "pre") ?? throw Error("pre", $"is missing, expected the name of a pre-tokenizer; there are {GgufPreTokenizer.Names}");
        var preTokenizer = GgufPreTokenizer.Find(name) ?? throw Error("pre", $"is '{name}', which is not supported; there are {GgufPreTokenizer.Names}");
        var merges = _file.Metadata.GetStrings(Prefix + "merges") ?? throw Error("merges", "is missing, expected the list of merges");
        return new TokenizerJsonWriter
        {
            Vocabulary = Vocabulary(),
            Merges = merges.Select(SplitMerge),
            AddedTokens = AddedTokens(),
            Around = Around(preTokenizer.AddsBos),
            Normalizer = preTokenizer.Normalizer,
            PreTokenizer = preTokenizer.PreTokenizer,
            Decoder = GgufPreTokenizer.ByteLevelDecoder,
            IgnoreMerges = preTokenizer.IgnoreMerges,
        };
    }

    private TokenizerJsonWriter OfCharacters()
    {
        var scores = _file.Metadata.GetNumbers(Prefix + "scores") ?? throw Error("scores", "is missing, expected a score for each token");
        if (scores.Count != _tokens.Count) throw Error("scores", $"has {scores.Count} entries for {_tokens.Count} tokens");
        var prefixed = _file.Metadata.GetBoolean(Prefix + "add_space_prefix") ?? true;
        return new TokenizerJsonWriter
        {
            Vocabulary = Vocabulary(),
            Merges = ScoredMerges(scores),
            AddedTokens = AddedTokens(),
            Around = Around(addsBos: true),
            Normalizer = $$"""
                {"type": "Sequence", "normalizers": [{{(prefixed ? """{"type": "Prepend", "prepend": "▁"}, """ : "")}}
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
                """,
            Decoder = $$"""
                {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                {"type": "Fuse"}{{(prefixed ? """, {"type": "Strip", "content": " ", "start": 1, "stop": 0}""" : "")}}]}
                """,
            Unknown = Special("unknown"),
            ByteFallback = true,
        };
    }

    private bool Is(int id, TokenType type) => _types[id] == (long)type;

    /// <summary>Every token but those that only fill up places.</summary>
    private IEnumerable<(string, int)> Vocabulary() => Enumerable.Range(0, _tokens.Count).Where(id => !Is(id, TokenType.Unused)).Select(id => (_tokens[id], id));

    private IEnumerable<AddedToken> AddedTokens() => Enumerable.Range(0, _tokens.Count)
        .Where(id => _tokens[id].Length > 0 && (Is(id, TokenType.Control) || Is(id, TokenType.UserDefined) || Is(id, TokenType.Unknown)))
        .Select(id => new AddedToken(id, _tokens[id]) { IsSpecial = !Is(id, TokenType.UserDefined) });

    private (string Left, string Right) SplitMerge(string merge)
    {
        var parts = merge.Split(' ');
        return parts.Length == 2 ? (parts[0], parts[1]) : throw Error("merges", $"has '{merge}', expected two tokens with a space between");
    }

    /// <summary>
    /// Merges that do what the scores ask for: the pair whose whole has the best score goes first. Every way to put a token together from two others is one, in the
    /// order in which transformers writes them.
    /// </summary>
    private IEnumerable<(string Left, string Right)> ScoredMerges(IReadOnlyList<double> scores)
    {
        var scored = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var id in Enumerable.Range(0, _tokens.Count).Where(id => Is(id, TokenType.Normal))) scored.TryAdd(_tokens[id], scores[id]);
        var merges = new List<(string Left, string Right, double Score)>();
        foreach (var (token, score) in scored)
        {
            if (token.Length > LongestScoredToken) throw Error("tokens", $"has a token of {token.Length} characters, expected at most {LongestScoredToken}");
            for (var i = 1; i < token.Length; i++)
            {
                if (scored.ContainsKey(token[..i]) && scored.ContainsKey(token[i..])) merges.Add((token[..i], token[i..], score));
            }
        }

        return merges.OrderByDescending(merge => merge.Score).ThenByDescending(merge => CharactersOf(merge.Left)).Select(merge => (merge.Left, merge.Right));
    }

    private static int CharactersOf(string text) => text.EnumerateRunes().Count();

    private (string? Before, string? After) Around(bool addsBos) => (Added("bos", addsBos), Added("eos", false));

    private string? Added(string which, bool fallback)
    {
        if (!(_file.Metadata.GetBoolean($"{Prefix}add_{which}_token") ?? fallback)) return null;
        return Special(which) ?? throw Error($"{which}_token_id", $"is missing, but texts shall get the {which} token (add_{which}_token)");
    }

    /// <summary>The text of a special token; null when the file names none.</summary>
    private string? Special(string which)
    {
        if (_file.Metadata.GetInteger($"{Prefix}{which}_token_id") is not { } id) return null;
        return id >= 0 && id < _tokens.Count && !Is((int)id, TokenType.Unused) ? _tokens[(int)id] : throw Error($"{which}_token_id", $"is {id}, which is no token");
    }

    private QLoraException Error(string key, string message) => new($"{_file.Path}: key {Prefix}{key} {message}");
}
