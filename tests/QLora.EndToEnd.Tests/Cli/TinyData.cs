using System.Text.Json;

using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

/// <summary>Data for the recorded tiny models, which have 128 tokens and no tokenizer.</summary>
internal static class TinyData
{
    /// <summary>The recorded tiny Llama.</summary>
    public static string Model => TestData.Golden("models/llama");

    /// <summary>Its recorded adapter.</summary>
    public static string Adapter => TestData.Golden("models/llama/adapter");

    /// <summary>Writes a file into a folder.</summary>
    /// <returns>The file.</returns>
    public static string Write(this TemporaryFolder folder, string name, string text)
    {
        File.WriteAllText(folder[name], text);
        return folder[name];
    }

    /// <summary>Writes examples of a rule that can be learnt: each token is the one before plus one.</summary>
    /// <returns>The file.</returns>
    public static string WriteTokens(this TemporaryFolder folder, string name = "tokens.jsonl", int examples = 16) => folder.Write(name, string.Concat(Enumerable.Range(0, examples).Select(i =>
    {
        var ids = Enumerable.Range(i * 5 % 100, 8 + i % 5).ToArray();
        return JsonSerializer.Serialize(new { input_ids = ids, labels = ids.Select((id, place) => place < 3 ? -100 : id) }) + "\n";
    })));
}
