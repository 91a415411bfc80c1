using System.Text.Json;
using QLora.Checkpoints;

namespace QLora.Text.Tokenizers;

/// <summary>The tokens that begin and end a text, by their text, and what fills up a batch.</summary>
internal sealed record SpecialTokens(string? Bos, string? Eos, string? Padding = null);

/// <summary>Where a tokenizer came from, and how it is written again.</summary>
internal abstract class TokenizerSource(string origin, SpecialTokens specialTokens)
{
    /// <summary>What errors call it.</summary>
    public string Origin { get; } = origin;

    public SpecialTokens SpecialTokens { get; } = specialTokens;

    public abstract void Save(string folder, ChatTemplate? template);
}

/// <summary>A folder with tokenizer.json and perhaps its companions; they are copied byte for byte.</summary>
internal sealed class FolderSource(string path, SpecialTokens specialTokens) : TokenizerSource(path, specialTokens)
{
    public override void Save(string folder, ChatTemplate? template)
    {
        TokenizerFiles.Copy(Path.GetDirectoryName(Path.GetFullPath(Origin))!, Path.GetFullPath(folder));
        if (template is not null && ChatTemplateFiles.Load(folder)?.Source != template.Source)
        {
            AtomicFile.WriteText(Path.Combine(folder, TokenizerFiles.ChatTemplate), template.Source);
        }
    }
}

/// <summary>A tokenizer.json that was made here.</summary>
internal sealed class GeneratedSource(string origin, byte[] json, SpecialTokens specialTokens) : TokenizerSource(origin, specialTokens)
{
    public byte[] Json { get; } = json;

    public override void Save(string folder, ChatTemplate? template)
    {
        AtomicFile.Write(Path.Combine(folder, TokenizerFiles.Tokenizer), stream => stream.Write(Json));
        AtomicFile.Write(Path.Combine(folder, TokenizerFiles.Config), stream => WriteConfig(stream, template));
    }

    private void WriteConfig(Stream stream, ChatTemplate? template)
    {
        using var json = new Utf8JsonWriter(stream, TokenizerJsonWriter.Options with { Indented = true });
        json.WriteStartObject();
        json.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
        json.WriteString("bos_token", SpecialTokens.Bos);
        json.WriteString("eos_token", SpecialTokens.Eos);
        json.WriteString("pad_token", SpecialTokens.Padding);
        json.WriteBoolean("clean_up_tokenization_spaces", false);
        if (template is not null) json.WriteString("chat_template", template.Source);
        json.WriteEndObject();
    }
}
