using QLora.Adapters;
using QLora.Autograd;
using QLora.Backends.Reference;
using QLora.Generators.Tests.Small;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Generators.Tests;

/// <summary>A model that a user's own project declares is loaded, counted and adapted like the engine's.</summary>
public class GeneratedModelTests
{
    private static readonly SmallConfig Config = new() { VocabSize = 11, HiddenSize = 6, NumHiddenLayers = 2, MaxPositionEmbeddings = 16, Inner = 8, HasBias = true };

    [Fact]
    public void It_is_in_the_registry_beside_the_engines_own()
    {
        Assert.Equal("small", SmallModel.ModelType);
        Assert.Equal(["llama", "small"], ModelRegistry.ModelTypes.Intersect(["small", "llama"]));
        Assert.Equal("tiny", ModelRegistry.ForModelType("small", "test").GgufArchitecture);
    }

    [Fact]
    public void Its_weights_are_a_function_of_the_config()
    {
        Assert.Equal(
            [
                "embed.weight=token_embd.weight [11, 6]",
                "layers.0.norm.weight=blk.0.attn_norm.weight [6]", "layers.0.mlp.up.weight=blk.0.ffn_up.weight [8, 6]", "layers.0.mlp.up.bias=blk.0.ffn_up.bias [8]",
                "layers.0.mlp.down.weight= [6, 8]", "layers.0.part.inside.weight=blk.0.ffn_inner.weight [6, 6]",
                "layers.1.norm.weight=blk.1.attn_norm.weight [6]", "layers.1.mlp.up.weight=blk.1.ffn_up.weight [8, 6]", "layers.1.mlp.up.bias=blk.1.ffn_up.bias [8]",
                "layers.1.mlp.down.weight= [6, 8]", "layers.1.part.inside.weight=blk.1.ffn_inner.weight [6, 6]",
                "layers.1.parts.0.inside.weight=blk.1.ffn_inner.weight [6, 6]", "layers.1.parts.1.inside.weight=blk.1.ffn_inner.weight [6, 6]",
                "norm.weight=output_norm.weight [6]", "lm_head.weight=output.weight [11, 6]",
            ],
            Weights(Config));
        var tied = Weights(Config with { HasBias = false, TieWordEmbeddings = true });
        Assert.Equal(12, tied.Count);
        Assert.DoesNotContain(tied, weight => weight.StartsWith("lm_head", StringComparison.Ordinal) || weight.Contains("bias", StringComparison.Ordinal));
    }

    [Fact]
    public void How_checkpoints_store_a_weight_otherwise_is_known()
    {
        var weights = SmallModel.Describe(Config with { HasInnerNorm = true }).SelectMany(module => module.Weights).ToDictionary(weight => weight.Name);
        Assert.Equal((new TransposedMatrix(), null), (weights["layers.0.part.inside.weight"].Transform, weights["layers.0.part.inside.weight"].GgufTransform));
        Assert.Equal((new TransposedMatrix(), new ExpertSlice(1, 2)), (weights["layers.1.parts.1.inside.weight"].Transform, weights["layers.1.parts.1.inside.weight"].GgufTransform));
        Assert.Equal((null, new InterleavedHeads(2)), (weights["layers.0.mlp.up.bias"].Transform, weights["layers.0.mlp.up.bias"].GgufTransform));
        Assert.Equal((new MinusOne(), new ExpertSlice(0, 2)), (weights["layers.1.parts.0.norm.weight"].Transform, weights["layers.1.parts.0.norm.weight"].GgufTransform));
        Assert.Equal(new Shape(2, 6, 6), weights["layers.1.parts.1.inside.weight"].ShapeIn(Checkpoints.WeightNaming.Gguf));
    }

    [Fact]
    public void Parameters_are_counted_without_a_weight()
    {
        var all = 2 * 11 * 6 + 2 * (6 + 8 * 6 + 8 + 6 * 8) + 4 * 6 * 6 + 6;
        var lora = new LoraConfig { Rank = 3, TargetModules = (SmallTargets.Up | SmallTargets.LmHead).ToTargetModules() };
        var trainable = 3 * (2 * (6 + 8) + 6 + 11);
        Assert.Equal(new ParameterCount(trainable, all + trainable), ParameterCount.Of(SmallModel.Describe(Config), lora));
    }

    [Fact]
    public void Typed_targets_are_PEFTs_names()
    {
        Assert.Equal(["up", "lm_head"], (SmallTargets.Up | SmallTargets.LmHead).ToTargetModules().NameList!);
        Assert.Equal(SmallTargets.Up | SmallTargets.Down | SmallTargets.Inside, SmallTargets.AllLinear);
        Assert.StartsWith("target_modules is empty", Assert.Throws<QLoraException>(() => SmallTargets.None.ToTargetModules()).Message);
    }

    [Fact]
    public void It_runs()
    {
        using var backend = new ReferenceBackend();
        using var model = ModelRegistry.ForModelType("small", "test").CreateRandom(Config, backend);
        Assert.Equal(SmallModel.Describe(Config), model.Modules.Select(module => module.Spec));
        using var context = new ForwardContext(model, TokenBatch.Of([1, 2, 3]));
        Assert.Equal(new Shape(3, 11), model.LmHead.Forward(model.Forward(context), context).Value.Shape);
    }

    private static List<string> Weights(SmallConfig config)
        => [.. SmallModel.Describe(config).SelectMany(module => module.Weights).Select(weight => $"{weight.Name}={weight.GgufName} {weight.Shape}")];
}
