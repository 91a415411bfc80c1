using System.Text.Json;
using QLora.Checkpoints;
using QLora.Data;
using QLora.Models;
using QLora.Testing;
using QLora.Tests.Text.Tokenizers;
using QLora.Text;

namespace QLora.Tests.Data;

/// <summary>The recorded SmolLM2 training run: from its conversations to its token ids and labels.</summary>
public sealed class SmolLm2TrainingDataTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void ConversationsBecomeTheRecordedIdsAndLabels()
    {
        using var recorded = SafetensorsFile.Open(TestData.Golden("smollm2/golden.safetensors"));
        var length = recorded.Tensors["train.input_ids"].Shape[1];
        var mask = Rows(recorded.ReadIntegers("train.attention_mask"), length);
        var ids = Rows(recorded.ReadIntegers("train.input_ids"), length).Zip(mask, Unpad).ToList();
        var labels = Rows(recorded.ReadIntegers("train.labels"), length).Zip(mask, Unpad).ToList();
        WriteConversations();

        using var model = ModelFile.Open(TokenizerGoldens.SmolLm2Path());
        var dataset = Dataset.Load(_file, new ExampleBuilder(Tokenizer.Load(model), ChatTemplates.Load(model), new DatasetOptions()));

        Assert.Equal(6, dataset.Examples.Count);
        Assert.Equal(ids, dataset.Examples.Select(example => example.InputIds));
        Assert.Equal(labels, dataset.Examples.Select(example => example.Labels));
        Assert.Equal(labels.Sum(row => row.Count(label => label != -100)), dataset.SupervisedTokens);
    }

    private void WriteConversations()
    {
        using var golden = JsonDocument.Parse(File.ReadAllBytes(TestData.Golden("smollm2/golden.json")));
        File.WriteAllLines(_file, golden.RootElement.GetProperty("train").GetProperty("conversations").EnumerateArray().Select(conversation => JsonSerializer.Serialize(new
        {
            messages = new[]
            {
                new { role = "user", content = conversation.GetProperty("user").GetString() },
                new { role = "assistant", content = conversation.GetProperty("assistant").GetString() },
            },
        })));
    }

    private static IEnumerable<int[]> Rows(long[] values, long length) => values.Select(value => (int)value).Chunk((int)length);

    private static int[] Unpad(int[] row, int[] mask) => [.. row.Where((_, i) => mask[i] != 0)];
}
