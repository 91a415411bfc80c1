using System.Text;
using QLora.Checkpoints;
using QLora.Checkpoints.Gguf;
using QLora.Data;
using QLora.Models;
using QLora.Text.Tokenizers;

namespace QLora.Text;

/// <summary>
/// A model's tokenizer: byte-pair encoding on bytes (GPT-2, Llama 3, Qwen 2, SmolLM …) or on characters with bytes as the last resort (Llama 2, Gemma). It gives the ids
/// that Hugging Face's tokenizers give. Safe to use from several threads at once.
/// </summary>
public sealed class Tokenizer : ITextEncoder
{
    private readonly TokenizerParts _parts;
    private readonly TokenizerSource _source;
    private readonly BpeModel _model;
    private readonly PreTokenizerSequence _words;
    private readonly AddedTokenFinder _addedTokens;
    private readonly AddedTokenFinder _normalizedAddedTokens;
    private readonly Dictionary<string, int> _addedIds;
    private readonly HashSet<int> _special;

    private Tokenizer(TokenizerParts parts, TokenizerSource source)
    {
        _parts = parts;
        _source = source;
        _model = new BpeModel(parts.Vocabulary);
        _words = new PreTokenizerSequence([.. new[] { parts.PreTokenizer, SafeCuts.For(parts.Vocabulary) }.OfType<PreTokenizer>()]);
        _addedTokens = new AddedTokenFinder(parts.AddedTokens.Where(token => !token.IsNormalized).Select(token => (token.Content, token)));
        _normalizedAddedTokens = new AddedTokenFinder(
            parts.AddedTokens.Where(token => token.IsNormalized).Select(token => (Normalize(Whole(token.Content)).Span.ToString(), token)));
        _addedIds = parts.AddedTokens.ToDictionary(token => token.Content, token => token.Id);
        _special = [.. parts.AddedTokens.Where(token => token.IsSpecial).Select(token => token.Id)];
        CheckSpecialTokens(source);
    }

    /// <summary>One more than the largest id; published vocabularies may leave ids below it out.</summary>
    public int VocabSize => _parts.Vocabulary.Tokens.Length;

    /// <inheritdoc/>
    public string? BosToken => _source.SpecialTokens.Bos;

    /// <inheritdoc/>
    public string? EosToken => _source.SpecialTokens.Eos;

    /// <summary>Reads the tokenizer that comes with a model.</summary>
    /// <param name="file">A folder with tokenizer.json, or a GGUF file with a tokenizer in its metadata.</param>
    /// <exception cref="QLoraException">There is none, or it is malformed or not supported.</exception>
    public static Tokenizer Load(ModelFile file) => file.Gguf is { } gguf ? FromGguf(gguf) : FromJson(Path.Combine(file.Path, TokenizerFiles.Tokenizer));

    /// <summary>Reads a tokenizer.json, and what tokenizer_config.json or special_tokens_map.json beside it says of the tokens that begin and end a text.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="QLoraException">It is missing, malformed or not supported; the message tells which part, and what there is.</exception>
    public static Tokenizer FromJson(string path)
        => new(TokenizerJson.Read(TokenizerFiles.Open(path)), new FolderSource(path, TokenizerFiles.ReadSpecialTokens(Path.GetDirectoryName(Path.GetFullPath(path))!)));

    /// <summary>Reads the tokenizer in a GGUF file's metadata.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="QLoraException">There is none, or it is malformed or not supported.</exception>
    public static Tokenizer FromGguf(GgufFile file) => Generated(GgufTokenizer.Read(file));

    /// <summary>A tokenizer without merges: a token for each byte, its id the byte's value, and behind them the special tokens.</summary>
    /// <param name="specialTokens">The special tokens, from id 256 on.</param>
    /// <param name="bosToken">The one among them that begins a text, if any; it is not put there by itself.</param>
    /// <param name="eosToken">The one among them that ends a text, if any.</param>
    public static Tokenizer ByteLevel(IReadOnlyList<string> specialTokens, string? bosToken = null, string? eosToken = null)
        => Generated(ByteTokenizer.Create(specialTokens, new SpecialTokens(bosToken, eosToken)));

    /// <inheritdoc/>
    /// <remarks>
    /// Tokens that stand for parts of one character each have that character's span, and so do those of several characters that normalisation put for others; else spans
    /// touch each other.
    /// </remarks>
    public EncodedText Encode(string text, bool addSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> ids = new(text.Length / 3);
        List<TextSpan> spans = new(text.Length / 3);
        if (addSpecialTokens) AddAround(_parts.PostProcessor.Before, 0, ids, spans);
        List<Piece> words = [];
        foreach (var segment in Segments(text))
        {
            if (segment.Token is { } token)
            {
                ids.Add(token.Id);
                spans.Add(segment.Text.OriginOf(0, segment.Text.Length));
                continue;
            }

            words.Clear();
            _words.Split(segment.Text, words);
            foreach (var word in words) AddWord(word, ids, spans);
        }

        if (addSpecialTokens) AddAround(_parts.PostProcessor.After, text.Length, ids, spans);
        return new EncodedText([.. ids], [.. spans]);
    }

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> ids) => Decode(ids, skipSpecialTokens: false);

    /// <summary>The text of some tokens. Bytes that are no UTF-8 become U+FFFD; ids that have no token add nothing.</summary>
    /// <param name="ids">Their ids.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        var text = new StringBuilder();
        var stream = NewStream(skipSpecialTokens);
        foreach (var id in ids) stream.Add(id, text);
        stream.Finish(text);
        return text.ToString();
    }

    /// <summary>The id of a token, by its text as the vocabulary has it; null when there is none.</summary>
    public int? IdOf(string token) => _addedIds.TryGetValue(token, out var id) || _parts.Vocabulary.Ids.TryGetValue(token, out id) ? id : null;

    /// <summary>Begins a text whose tokens come one by one.</summary>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public TextStream NewStream(bool skipSpecialTokens = true) => new(this, _parts.Decoder.Begin(), skipSpecialTokens);

    /// <summary>
    /// Writes the tokenizer to a model's folder, complete for this engine and for Hugging Face's: its own files as they are when it came from a folder, else tokenizer.json
    /// and tokenizer_config.json that give the same ids.
    /// </summary>
    /// <param name="folder">The folder; it is made if it is missing, and files of these names in it are replaced.</param>
    /// <param name="template">The model's chat template; null when it has none.</param>
    /// <exception cref="QLoraException">A file cannot be written; each is whole or as it was.</exception>
    public void Save(string folder, ChatTemplate? template)
    {
        AtomicFile.CreateFolder(folder);
        _source.Save(folder, template);
    }

    /// <summary>The token of an id; null when there is none, or when it is special and those are skipped.</summary>
    internal string? TokenOf(int id, bool skipSpecialTokens)
        => id < 0 || id >= VocabSize || (skipSpecialTokens && _special.Contains(id)) ? null : _parts.Vocabulary.Tokens[id];

    private static Tokenizer Generated(GeneratedSource source) => new(TokenizerJson.Read(ConfigJson.Parse(source.Json, source.Origin)), source);

    private static Piece Whole(string text) => new(new AlignedText(text), 0, text.Length);

    private Piece Normalize(Piece piece) => _parts.Normalizer?.Normalize(piece) ?? piece;

    private IEnumerable<Segment> Segments(string text)
    {
        foreach (var segment in _addedTokens.Find(Whole(text)))
        {
            if (segment.Token is not null)
            {
                yield return segment;
                continue;
            }

            foreach (var part in _normalizedAddedTokens.Find(Normalize(segment.Text))) yield return part;
        }
    }

    private void AddWord(Piece word, List<int> ids, List<TextSpan> spans)
    {
        foreach (var (id, start, length) in _model.Encode(word.Span))
        {
            ids.Add(id);
            spans.Add(word.OriginOf(start, start + length));
        }
    }

    private static void AddAround(int[] tokens, int place, List<int> ids, List<TextSpan> spans)
    {
        foreach (var id in tokens)
        {
            ids.Add(id);
            spans.Add(new TextSpan(place, place));
        }
    }

    private void CheckSpecialTokens(TokenizerSource source)
    {
        foreach (var (name, token) in new[] { ("bos_token", BosToken), ("eos_token", EosToken) })
        {
            if (token is not null && IdOf(token) is null) throw new QLoraException($"{source.Origin}: {name} is '{token}', which is no token of the vocabulary");
        }
    }
}
