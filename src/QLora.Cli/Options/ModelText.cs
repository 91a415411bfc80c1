using QLora.Data;
using QLora.Models;
using QLora.Text;

namespace QLora.Cli.Options;

/// <summary>How a model reads text: its tokenizer and its chat template, as far as it has them.</summary>
/// <param name="Encoder">The tokenizer; where the model has none, one that lets token ids through and nothing else.</param>
/// <param name="Template">The chat template, or null.</param>
internal sealed record ModelText(ITextEncoder Encoder, ChatTemplate? Template)
{
    /// <summary>Reads both.</summary>
    public static ModelText Of(ModelFile file) => new(new TokenIdsOnly(file), ChatTemplateFiles.Load(file.Path));

    /// <summary>What makes examples of data lines.</summary>
    public ExampleBuilder Builder(DatasetOptions options) => new(Encoder, Template, options);

    /// <summary>Stands in where a model has no tokenizer: data in <c>input_ids</c> and <c>labels</c> needs none.</summary>
    private sealed class TokenIdsOnly(ModelFile file) : ITextEncoder
    {
        public int VocabSize => file.Config.VocabSize;

        public string? BosToken => null;

        public string? EosToken => null;

        public EncodedText Encode(string text, bool addSpecialTokens)
            => throw new QLoraException($"{file.Path} has no tokenizer.json, so text cannot be read; give input_ids and labels, or put the tokenizer's files beside the model");

        public string Decode(ReadOnlySpan<int> ids) => $"[{string.Join(' ', ids.ToArray())}]";
    }
}
