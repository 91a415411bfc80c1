using System.Text.Json;
using QLora.Data;
using QLora.Generation;
using QLora.Models;
using QLora.Text;

namespace QLora.Cli.Options;

/// <summary>How a model reads and writes text: its tokenizer and its chat template, as far as it has them.</summary>
internal sealed class ModelText
{
    private readonly ModelFile _file;
    private readonly Tokenizer? _tokenizer;
    private readonly ChatTemplate? _template;

    private ModelText(ModelFile file, Tokenizer? tokenizer, ChatTemplate? template) => (_file, _tokenizer, _template) = (file, tokenizer, template);

    /// <summary>The tokenizer.</summary>
    /// <exception cref="QLoraException">The model has none.</exception>
    public Tokenizer Tokenizer => _tokenizer ?? throw new QLoraException($"{_file.Path} has no tokenizer (tokenizer.json beside the weights, or a GGUF file's metadata; a tokenizer.model alone is not read)");

    /// <summary>The chat template.</summary>
    /// <exception cref="QLoraException">The model has none.</exception>
    public ChatTemplate Template => _template ?? throw new QLoraException($"{_file.Path} has no chat template; leave --chat out, or put a chat_template.jinja beside the model");

    /// <summary>The tokens that end an answer: what the config, generation_config.json and the tokenizer say, which often name different ones.</summary>
    public IReadOnlyList<int> StopTokens
    {
        get
        {
            var generation = Path.Combine(_file.Path, "generation_config.json");
            var eos = _tokenizer?.EosToken is { } token ? _tokenizer.IdOf(token) : null;
            return [.. _file.Config.EosTokenIds.Concat(File.Exists(generation) ? ConfigJson.Open(generation).Integers("eos_token_id") : []).Concat(eos is { } id ? [id] : []).Distinct()];
        }
    }

    /// <summary>Reads both.</summary>
    /// <exception cref="QLoraException">A file is malformed, or of a kind that is not supported.</exception>
    public static ModelText Of(ModelFile file) => new(file, HasTokenizer(file) ? Tokenizer.Load(file) : null, ChatTemplates.Load(file));

    /// <summary>What makes examples of data lines. A model without a tokenizer takes token ids.</summary>
    public ExampleBuilder Builder(DatasetOptions options) => new(_tokenizer ?? (ITextEncoder)new TokenIdsOnly(this), _template, options);

    /// <summary>The tokens of a conversation, up to where the assistant is to go on.</summary>
    /// <param name="messages">The messages, each with a role and a content.</param>
    public int[] EncodeChat(IEnumerable<(string Role, string Content)> messages)
    {
        var json = JsonSerializer.SerializeToElement(messages.Select(message => new Dictionary<string, string> { ["role"] = message.Role, ["content"] = message.Content }));
        var chat = Template.Render(json, new ChatTemplateOptions { AddGenerationPrompt = true, BosToken = Tokenizer.BosToken, EosToken = Tokenizer.EosToken });
        return Tokenizer.Encode(chat.Text, addSpecialTokens: false).Ids;
    }

    /// <summary>What asks the model the questions of a data set.</summary>
    public ExactMatch ExactMatch(CausalLanguageModel model) => new(model, Tokenizer, _template) { StopTokens = StopTokens };

    /// <summary>Writes what there is of both beside a model.</summary>
    public void Save(string folder) => _tokenizer?.Save(folder, _template);

    private static bool HasTokenizer(ModelFile file) => file.Gguf is { } gguf
        ? gguf.Metadata.Keys.Contains("tokenizer.ggml.tokens")
        : File.Exists(Path.Combine(file.Path, "tokenizer.json"));

    /// <summary>Stands in where a model has no tokenizer: data in <c>input_ids</c> and <c>labels</c> needs none.</summary>
    private sealed class TokenIdsOnly(ModelText text) : ITextEncoder
    {
        public int VocabSize => text._file.Config.VocabSize;

        public string? BosToken => null;

        public string? EosToken => null;

        public EncodedText Encode(string value, bool addSpecialTokens) => text.Tokenizer.Encode(value, addSpecialTokens);

        public string Decode(ReadOnlySpan<int> ids) => $"[{string.Join(' ', ids.ToArray())}]";
    }
}
