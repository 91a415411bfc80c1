using QLora.Backends;
using QLora.Checkpoints;
using QLora.Models;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Planning;

/// <summary>Stands in for the weights of a model of which only the config is there: a Hugging Face checkpoint in bfloat16, as most are published.</summary>
/// <param name="file">The model.</param>
internal sealed class AssumedWeights(ModelFile file) : WeightSource
{
    /// <inheritdoc/>
    public override string Path => file.Path;

    /// <inheritdoc/>
    public override WeightNaming Naming => WeightNaming.HuggingFace;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, WeightInfo> Weights { get; } = file.Modules.SelectMany(module => module.Weights).ToDictionary(
        weight => weight.Name, weight => new WeightInfo(weight.Name, weight.ShapeIn(WeightNaming.HuggingFace), "BF16", DType.BFloat16, weight.Shape.Count * DType.BFloat16.Size()));

    /// <inheritdoc/>
    public override void Read(string name, long firstElement, Span<float> destination) => throw NotThere();

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> ReadRaw(string name) => throw NotThere();

    /// <inheritdoc/>
    public override QuantizedTensor ReadQuantized(string name, Backend backend) => throw NotThere();

    /// <inheritdoc/>
    public override void Dispose() { }

    private QLoraException NotThere() => new($"{Path}: there are no weights beside config.json");
}
