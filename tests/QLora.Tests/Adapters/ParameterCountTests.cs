using QLora.Adapters;
using QLora.Models;
using QLora.Tests.Training;

namespace QLora.Tests.Adapters;

/// <summary>PEFT's line of trainable parameters, counted from a config before any weight is there.</summary>
public class ParameterCountTests
{
    private const string Llama2With7B = """
        {
          "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
          "num_attention_heads": 32, "num_key_value_heads": 32, "hidden_act": "silu", "max_position_embeddings": 4096, "rms_norm_eps": 1e-05, "rope_scaling": null,
          "tie_word_embeddings": false, "torch_dtype": "float16", "bos_token_id": 1, "eos_token_id": 2
        }
        """;

    [Theory]
    [InlineData(8, "trainable params: 4,194,304 || all params: 6,742,609,920 || trainable%: 0.0622")]
    [InlineData(16, "trainable params: 8,388,608 || all params: 6,746,804,224 || trainable%: 0.1243")]
    public void Llama2IsCountedFromItsConfigAlone(int rank, string expected)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["config.json"], Llama2With7B);
        using var file = ModelFile.Open(folder.Path);
        Assert.Null(file.Weights);
        Assert.Equal(expected, ParameterCount.Of(file.Modules, new LoraConfig { Rank = rank, TargetModules = TargetModules.Names(["q_proj", "v_proj"]) }).ToString());
        Assert.Equal(new ParameterCount(0, 6_738_415_616), ParameterCount.Of(file.Modules));
    }

    [Fact]
    public void TheLibraryPrintsTheSameLine()
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.WithAdapter(backend);
        using var writer = new StringWriter();
        model.PrintTrainableParameters(writer);
        var trainable = model.Adapters.Active!.Parameters.Sum(parameter => parameter.Value.Count);
        var all = trainable + model.Modules.SelectMany(module => module.Parameters).Sum(parameter => parameter.Value.Count);
        var line = FormattableString.Invariant($"trainable params: {trainable:N0} || all params: {all:N0} || trainable%: {100.0 * trainable / all:F4}");
        Assert.Equal(line + Environment.NewLine, writer.ToString());
    }
}
