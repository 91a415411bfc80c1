using System.Diagnostics.CodeAnalysis;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace QLora.Text.Tokenizers;

/// <summary>
/// Writes tokenizer.json for a tokenizer that came in another form. <see cref="TokenizerJson"/> reads it again, so that what is written and what is used are the same.
/// </summary>
internal sealed record TokenizerJsonWriter
{
    public static JsonWriterOptions Options { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public required IEnumerable<(string Token, int Id)> Vocabulary { get; init; }

    public required IEnumerable<(string Left, string Right)> Merges { get; init; }

    /// <summary>Tokens that are found in texts as they are written, all of them in the vocabulary; those that are no special ones say so.</summary>
    public required IEnumerable<AddedToken> AddedTokens { get; init; }

    /// <summary>What is put before and behind texts.</summary>
    public (string? Before, string? After) Around { get; init; }

    [StringSyntax(StringSyntaxAttribute.Json)]
    public string Normalizer { get; init; } = "null";

    [StringSyntax(StringSyntaxAttribute.Json)]
    public string PreTokenizer { get; init; } = "null";

    [StringSyntax(StringSyntaxAttribute.Json)]
    public required string Decoder { get; init; }

    public string? Unknown { get; init; }

    public bool ByteFallback { get; init; }

    public bool IgnoreMerges { get; init; }

    public byte[] Write()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, Options))
        {
            json.WriteStartObject();
            json.WriteString("version", "1.0");
            json.WriteNull("truncation");
            json.WriteNull("padding");
            WriteAddedTokens(json);
            WriteRaw(json, "normalizer", Normalizer);
            WriteRaw(json, "pre_tokenizer", PreTokenizer);
            WritePostProcessor(json);
            WriteRaw(json, "decoder", Decoder);
            WriteModel(json);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    private void WriteAddedTokens(Utf8JsonWriter json)
    {
        json.WriteStartArray("added_tokens");
        foreach (var token in AddedTokens)
        {
            json.WriteStartObject();
            json.WriteNumber("id", token.Id);
            json.WriteString("content", token.Content);
            json.WriteBoolean("single_word", token.IsSingleWord);
            json.WriteBoolean("lstrip", token.StripsLeft);
            json.WriteBoolean("rstrip", token.StripsRight);
            json.WriteBoolean("normalized", token.IsNormalized);
            json.WriteBoolean("special", token.IsSpecial);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void WritePostProcessor(Utf8JsonWriter json)
    {
        if (Around is (null, null))
        {
            json.WriteNull("post_processor");
            return;
        }

        json.WriteStartObject("post_processor");
        json.WriteString("type", "TemplateProcessing");
        WriteTemplate(json, "single", ["A"]);
        WriteTemplate(json, "pair", ["A", "B"]);
        json.WriteStartObject("special_tokens");
        foreach (var token in new[] { Around.Before, Around.After }.OfType<string>().Distinct())
        {
            json.WriteStartObject(token);
            json.WriteString("id", token);
            json.WriteStartArray("ids");
            json.WriteNumberValue(Vocabulary.First(entry => entry.Token == token).Id);
            json.WriteEndArray();
            json.WriteStartArray("tokens");
            json.WriteStringValue(token);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>Each text with what stands around it.</summary>
    private void WriteTemplate(Utf8JsonWriter json, string name, string[] texts)
    {
        json.WriteStartArray(name);
        foreach (var text in texts)
        {
            if (Around.Before is not null) WriteItem("SpecialToken", Around.Before);
            WriteItem("Sequence", text);
            if (Around.After is not null) WriteItem("SpecialToken", Around.After);
        }

        json.WriteEndArray();

        void WriteItem(string kind, string id)
        {
            json.WriteStartObject();
            json.WriteStartObject(kind);
            json.WriteString("id", id);
            json.WriteNumber("type_id", 0);
            json.WriteEndObject();
            json.WriteEndObject();
        }
    }

    private void WriteModel(Utf8JsonWriter json)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteString("unk_token", Unknown);
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", Unknown is not null);
        json.WriteBoolean("byte_fallback", ByteFallback);
        json.WriteBoolean("ignore_merges", IgnoreMerges);
        json.WriteStartObject("vocab");
        foreach (var (token, id) in Vocabulary) json.WriteNumber(token, id);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var (left, right) in Merges)
        {
            json.WriteStartArray();
            json.WriteStringValue(left);
            json.WriteStringValue(right);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteRaw(Utf8JsonWriter json, string name, string value)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(value);
    }
}
