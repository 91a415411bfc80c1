using QLora.Backends;
using QLora.Checkpoints;
using QLora.Layers;
using QLora.Models;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Tests.Models;

/// <summary>
/// Builds a model as the one that made the reference data was built, with the two places where that was not what its checkpoint says.
/// <para>
/// bitsandbytes 0.50 on a processor with AVX-512 (csrc/cpu_ops.cpp, dequantizeBlockwise4bitCpu) takes the scale of element (row, column) from
/// row · (columns / block) + column / block with whole-number divisions. Where blocks cross rows that is another block's scale; its other paths, CUDA's among them,
/// take (row · columns + column) / block, as this engine does. The weights concerned are given the scales that were used, a scale for every 16 elements.
/// </para>
/// <para>
/// Half-precision models were made by casting a whole module, which also rounds the rotary frequencies; loading such a checkpoint, here as in transformers, does not.
/// </para>
/// </summary>
internal sealed class RecordedBuilder(CheckpointBuilder inner) : ModuleBuilder(inner.Backend)
{
    private const int FinerBlock = 16;

    /// <summary>The model of a checkpoint as it was when the reference data was made.</summary>
    public static CausalLanguageModel Load(ModelFile file, Backend backend, QuantizationOptions quantization)
    {
        CheckpointCheck.Fits(file.Weights!, file.Modules);
        var builder = new CheckpointBuilder(file.Weights!, backend, quantization, null);
        return file.Family.Create(WithRoundedFrequencies(file), new RecordedBuilder(builder));
    }

    public override Embedding Embedding(EmbeddingSpec spec) => inner.Embedding(spec);

    public override RmsNorm RmsNorm(RmsNormSpec spec) => inner.RmsNorm(spec);

    public override LayerNorm LayerNorm(LayerNormSpec spec) => inner.LayerNorm(spec);

    public override Linear Linear(LinearSpec spec, Embedding? tiedTo)
    {
        var linear = inner.Linear(spec, tiedTo);
        return linear.Weight is QuantizedWeight { Tensor: var tensor } && spec.In % tensor.BlockSize != 0
            ? new Linear(spec, new QuantizedWeight(WithScalesOfTheRecord(tensor)), linear.Bias)
            : linear;
    }

    private QuantizedTensor WithScalesOfTheRecord(QuantizedTensor tensor)
    {
        var columns = tensor.Shape[1];
        var scales = tensor.Nested is { } nested
            ? DoubleQuantization.Dequantize(ToHost<byte>(tensor.AbsMax), ToHost<float>(nested.Code), ToHost<float>(nested.AbsMax), nested.Offset, nested.BlockSize)
            : ToHost<float>(tensor.AbsMax);
        var finer = new float[tensor.Shape.Count / FinerBlock];
        for (var i = 0; i < finer.Length; i++)
        {
            var (row, column) = (i * FinerBlock / columns, i * FinerBlock % columns);
            finer[i] = scales[row * (columns / tensor.BlockSize) + column / tensor.BlockSize];
        }

        var copy = BlockQuantizer.Upload(ToHost<byte>(tensor.Codes), finer, tensor.Shape, tensor.Type, FinerBlock, doubleQuantization: false, Backend);
        tensor.Dispose();
        return copy;
    }

    private T[] ToHost<T>(Tensor tensor) where T : unmanaged
    {
        var elements = new T[tensor.Count];
        Backend.CopyToHost<T>(tensor, elements);
        return elements;
    }

    private static ModelConfig WithRoundedFrequencies(ModelFile file)
    {
        var format = file.Weights!.Weights.GetValueOrDefault("model.embed_tokens.weight")?.StoredType;
        if (format is not (DType.BFloat16 or DType.Float16)) return file.Config;
        var config = (DecoderConfig)file.Config;
        var factors = config.Rotary.InverseFrequencies(1).Select(frequency => frequency / Round(frequency, format.Value));
        return config with { Rotary = config.Rotary with { Scaling = RotaryScaling.Factors, FrequencyFactors = [.. factors] } };
    }

    private static float Round(float value, DType format)
    {
        if (format == DType.Float16) return (float)(Half)value;
        var bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
    }
}
