using System.Text.Json;
using QLora.Models;

namespace QLora.Text.Tokenizers;

/// <summary>Reads tokenizer.json, the file of Hugging Face's tokenizers. Truncation and padding in it are not applied: lengths are the caller's to say.</summary>
internal static class TokenizerJson
{
    // Ids may leave gaps, as in published vocabularies with reserved places, but not so many that a broken id would ask for a giant table.
    private const int GapsAllowed = 1 << 16;

    /// <summary>Reads a tokenizer.</summary>
    /// <exception cref="QLoraException">It is malformed or has parts that are not supported.</exception>
    public static TokenizerParts Read(ConfigJson json)
    {
        var preTokenizer = json.Object("pre_tokenizer") is { } cuts ? PreTokenizer.Read(cuts) : null;
        var isByteLevel = preTokenizer?.IsByteLevel ?? false;
        var decoder = TokenDecoder.Read(json.Object("decoder") ?? throw json.Error("decoder", "is missing, expected an object"));
        if (isByteLevel != decoder is ByteLevelDecoder) throw json.Error("decoder", "does not suit pre_tokenizer: either both are ByteLevel or none");
        var model = json.Object("model") ?? throw json.Error("model", "is missing, expected an object");
        var ids = ReadIds(model);
        var added = json.Has("added_tokens") ? ReadAddedTokens(json, ids) : [];
        var tokens = TokensById(json, ids, added);
        return new TokenizerParts
        {
            Vocabulary = ReadModel(model, ids, tokens) with { IsByteLevel = isByteLevel },
            AddedTokens = added,
            Normalizer = json.Object("normalizer") is { } normalizer ? Normalizer.Read(normalizer) : null,
            PreTokenizer = preTokenizer,
            PostProcessor = json.Object("post_processor") is { } postProcessor
                ? PostProcessor.Read(postProcessor, id => id >= 0 && id < tokens.Length && tokens[id] is not null)
                : PostProcessor.None,
            Decoder = decoder,
        };
    }

    private static BpeVocabulary ReadModel(ConfigJson model, Dictionary<string, int> ids, string?[] tokens)
    {
        // GPT-2's own file, of the first days, does not name the type.
        var type = model.String("type", model.Has("merges") ? "BPE" : "");
        if (type != "BPE") throw model.Error("type", $"a model of type {(type.Length > 0 ? type : "unknown")} is not supported; there is BPE");
        RefuseAffix("continuing_subword_prefix");
        RefuseAffix("end_of_word_suffix");
        if (model.Number("dropout", 0) != 0) throw model.Error("dropout", "is not supported: a text would have other ids each time");
        return new BpeVocabulary
        {
            Ids = ids,
            Tokens = tokens,
            Merges = ReadMerges(model, ids),
            Unknown = model.Has("unk_token") ? UnknownToken(model.String("unk_token")) : null,
            FuseUnknown = model.Boolean("fuse_unk", false),
            ByteFallback = model.Boolean("byte_fallback", false),
            IgnoreMerges = model.Boolean("ignore_merges", false),
        };

        void RefuseAffix(string field)
        {
            if (model.String(field, "") is { Length: > 0 } affix) throw model.Error(field, $"'{affix}' is not supported, expected none");
        }

        int UnknownToken(string token) => ids.TryGetValue(token, out var id) ? id : throw model.Error("unk_token", $"'{token}' is no token of vocab");
    }

    private static Dictionary<string, int> ReadIds(ConfigJson model)
    {
        var vocabulary = model.Value("vocab", "an object of tokens and their ids");
        if (vocabulary.ValueKind != JsonValueKind.Object) throw model.Error("vocab", $"is of kind {vocabulary.ValueKind}, expected an object of tokens and their ids");
        var ids = new Dictionary<string, int>(vocabulary.GetPropertyCount(), StringComparer.Ordinal);
        foreach (var entry in vocabulary.EnumerateObject())
        {
            var token = entry.Name;
            if (entry.Value.ValueKind != JsonValueKind.Number || !entry.Value.TryGetInt32(out var id) || id < 0)
            {
                throw model.Error("vocab", $"token '{token}' has id {Cut(entry.Value)}, expected an integer from 0 up");
            }

            if (!ids.TryAdd(token, id)) throw model.Error("vocab", $"token '{token}' stands twice");
        }

        return ids.Count > 0 ? ids : throw model.Error("vocab", "is empty");
    }

    private static List<AddedToken> ReadAddedTokens(ConfigJson json, Dictionary<string, int> ids)
    {
        var added = new Dictionary<string, AddedToken>(StringComparer.Ordinal);
        foreach (var entry in json.Objects("added_tokens"))
        {
            var isSpecial = entry.Boolean("special", false);
            var token = new AddedToken(entry.Integer("id", minimum: 0), entry.String("content"))
            {
                IsSpecial = isSpecial,
                IsNormalized = entry.Boolean("normalized", !isSpecial),
                IsSingleWord = entry.Boolean("single_word", false),
                StripsLeft = entry.Boolean("lstrip", false),
                StripsRight = entry.Boolean("rstrip", false),
            };
            if (ids.TryGetValue(token.Content, out var id) && id != token.Id) throw entry.Error("id", $"is {token.Id}, but '{token.Content}' has id {id} in vocab");
            if (!added.TryAdd(token.Content, token)) throw entry.Error("content", $"'{token.Content}' stands twice");
        }

        return [.. added.Values];
    }

    /// <summary>The token of each id, each checked to be the only one.</summary>
    private static string?[] TokensById(ConfigJson json, Dictionary<string, int> ids, List<AddedToken> added)
    {
        var all = ids.Select(entry => (Id: entry.Value, Token: entry.Key)).Concat(added.Select(token => (token.Id, Token: token.Content))).ToList();
        var largest = all.MaxBy(entry => entry.Id);
        var bound = all.Count + GapsAllowed;
        if (largest.Id >= bound) throw json.Error("model", $"'{largest.Token}' has id {largest.Id}, expected at most {bound - 1} for {all.Count} tokens");
        var tokens = new string?[largest.Id + 1];
        foreach (var (id, token) in all)
        {
            if (tokens[id] is { } other && other != token) throw json.Error("model", $"'{other}' and '{token}' both have id {id}");
            tokens[id] = token;
        }

        return tokens;
    }

    private static Merge[] ReadMerges(ConfigJson model, Dictionary<string, int> ids)
    {
        var entries = model.Value("merges", "an array of pairs");
        if (entries.ValueKind != JsonValueKind.Array) throw model.Error("merges", $"is of kind {entries.ValueKind}, expected an array of pairs");
        var merges = new Merge[entries.GetArrayLength()];
        var seen = new HashSet<(int, int)>(merges.Length);
        var count = 0;
        foreach (var entry in entries.EnumerateArray())
        {
            var (left, right) = PairOf(entry) ?? throw model.Error("merges", $"entry {count} is {Cut(entry)}, expected \"a b\" or [\"a\", \"b\"]");
            var merge = new Merge(IdOf(left), IdOf(right), IdOf(left + right));
            if (!seen.Add((merge.Left, merge.Right))) throw model.Error("merges", $"'{left}' and '{right}' stand twice, the second time as entry {count}");
            merges[count++] = merge;
        }

        return merges;

        int IdOf(string token) => ids.TryGetValue(token, out var id) ? id : throw model.Error("merges", $"entry {count} needs '{token}', which is no token of vocab");
    }

    private static (string Left, string Right)? PairOf(JsonElement entry)
    {
        string?[] parts = entry.ValueKind == JsonValueKind.Array ? [.. entry.EnumerateArray().Select(ConfigJson.Text)] : [.. ConfigJson.Text(entry)?.Split(' ') ?? []];
        return parts is [{ Length: > 0 } left, { Length: > 0 } right] ? (left, right) : null;
    }

    private static string Cut(JsonElement value)
    {
        var text = value.GetRawText();
        return text.Length > 60 ? text[..60] + "…" : text;
    }
}
