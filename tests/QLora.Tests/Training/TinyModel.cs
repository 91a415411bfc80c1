using QLora.Adapters;
using QLora.Backends;
using QLora.Data;
using QLora.Layers;
using QLora.Models;
using QLora.Models.Llama;

namespace QLora.Tests.Training;

/// <summary>A random model of two blocks, and sequences that it can learn: walks through the vocabulary in steps of one size.</summary>
internal static class TinyModel
{
    public const int Vocabulary = 96;

    public static LlamaConfig Config { get; } = new()
    {
        VocabSize = Vocabulary,
        HiddenSize = 32,
        NumHiddenLayers = 2,
        MaxPositionEmbeddings = 128,
        IntermediateSize = 48,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 2,
        HeadSize = 8,
        RmsNormEps = 1e-5f,
        Rotary = new RotaryParameters(8, 10000),
        TieWordEmbeddings = true,
    };

    public static CausalLanguageModel Create(Backend backend, ulong seed = 1, Func<LlamaConfig, LlamaConfig>? change = null)
        => LlamaModel.Create(change?.Invoke(Config) ?? Config, new RandomBuilder(backend, seed));

    /// <summary>The model with a new adapter whose dropout is on.</summary>
    public static CausalLanguageModel WithAdapter(Backend backend, float dropout = 0.1f)
    {
        var model = Create(backend);
        model.Adapters.AddNew(new LoraConfig { Rank = 4, Alpha = 8, Dropout = dropout });
        return model;
    }

    /// <summary>Examples of 6 to 17 tokens, of which the first two are not supervised.</summary>
    public static Dataset Data(int examples = 11, int seed = 5)
    {
        var random = new Random(seed);
        return Dataset.Of("walks", [.. Enumerable.Range(0, examples).Select(_ =>
        {
            var (start, stride, length) = (random.Next(Vocabulary), random.Next(1, 4), random.Next(6, 18));
            int[] ids = [.. Enumerable.Range(0, length).Select(i => (start + i * stride) % Vocabulary)];
            return new TrainingExample(ids, [TokenBatch.Ignored, TokenBatch.Ignored, .. ids[2..]]);
        })]);
    }

    /// <summary>The bits of everything that is trained.</summary>
    public static int[] Bits(CausalLanguageModel model)
        => [.. model.TrainableParameters.SelectMany(parameter => model.Backend.ToHost(parameter.Value)).Select(BitConverter.SingleToInt32Bits)];
}
