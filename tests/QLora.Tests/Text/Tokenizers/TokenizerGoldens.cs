using System.Text.Json;
using QLora.Checkpoints.Gguf;
using QLora.Testing;
using QLora.Text;

namespace QLora.Tests.Text.Tokenizers;

/// <summary>A text, and what Hugging Face's tokenizers made of it.</summary>
internal sealed record RecordedText(string Text, int[] Ids, int[] IdsWithSpecial, string Decoded, string DecodedSkip);

/// <summary>The recorded tokenizers.</summary>
internal static class TokenizerGoldens
{
    public static Tokenizer Load(string name) => Tokenizer.FromJson(JsonPath(name));

    public static string JsonPath(string name) => TestData.Golden($"tokenizers/{name}/tokenizer.json");

    public static JsonElement Json(string name) => Parse(JsonPath(name));

    public static GgufFile SmolLm2Gguf() => GgufFile.Open(SmolLm2Path());

    public static string SmolLm2Path() => TestData.Shared("models/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf");

    public static IReadOnlyList<RecordedText> Texts(string name) => [.. Parse(TestData.Golden($"tokenizers/{name}/golden.json")).EnumerateArray().Select(TextOf)];

    /// <summary>Every recorded text has the recorded ids, with and without what is put around it, and they decode to what was recorded.</summary>
    public static void AssertMatches(Tokenizer tokenizer, string name)
    {
        var texts = Texts(name);
        Assert.True(texts.Count > 200);
        Assert.All(texts, recorded =>
        {
            Assert.Equal(recorded.Ids, tokenizer.Encode(recorded.Text, addSpecialTokens: false).Ids);
            Assert.Equal(recorded.IdsWithSpecial, tokenizer.Encode(recorded.Text, addSpecialTokens: true).Ids);
            Assert.Equal(recorded.Decoded, tokenizer.Decode(recorded.Ids));
            Assert.Equal(recorded.DecodedSkip, tokenizer.Decode(recorded.Ids, skipSpecialTokens: true));
        });
    }

    private static RecordedText TextOf(JsonElement row) => new(
        row.GetProperty("text").GetString()!,
        Integers(row.GetProperty("ids")),
        Integers(row.TryGetProperty("ids_with_special", out var special) ? special : row.GetProperty("ids")),
        row.GetProperty("decoded").GetString()!,
        row.GetProperty("decoded_skip").GetString()!);

    private static JsonElement Parse(string path) => JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;

    private static int[] Integers(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
