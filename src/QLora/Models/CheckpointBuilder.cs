using System.Buffers;
using QLora.Autograd;
using QLora.Backends;
using QLora.Checkpoints;
using QLora.Checkpoints.Gguf;
using QLora.Layers;
using QLora.Tensors;

namespace QLora.Models;

/// <summary>
/// Makes a model's layers from a checkpoint that <see cref="CheckpointCheck"/> found to fit. One weight at a time is decoded, quantised and dropped, so that a second
/// copy of the model never exists.
/// </summary>
/// <param name="source">The checkpoint.</param>
/// <param name="backend">Where the weights shall lie.</param>
/// <param name="quantization">How linear weights are stored.</param>
/// <param name="progress">Told the number of weights read so far; null when nobody listens.</param>
internal sealed class CheckpointBuilder(WeightSource source, Backend backend, QuantizationOptions quantization, Action<int>? progress) : ModuleBuilder(backend)
{
    private const int RowsAtATime = 64;

    private readonly List<Module> _made = [];
    private int _read;

    public override Embedding Embedding(EmbeddingSpec spec) => Keep(new Embedding(spec, ReadParameter(spec.Weights.Single())));

    public override RmsNorm RmsNorm(RmsNormSpec spec) => Keep(new RmsNorm(spec, ReadParameter(spec.Weights.Single(), asFloat32: true)));

    public override Linear Linear(LinearSpec spec, Embedding? tiedTo)
    {
        var weights = spec.Weights.ToList();
        var weight = tiedTo is null ? ReadWeight(spec, weights[0]) : new DenseWeight(tiedTo.Weight, owned: false);
        return Keep(new Linear(spec, weight, spec.HasBias ? ReadParameter(weights[^1], asFloat32: true, spec.GgufRotaryHeads) : null));
    }

    /// <summary>Gives back what was made, when the rest could not be.</summary>
    public void Abandon() => _made.ForEach(module => module.Dispose());

    private T Keep<T>(T module) where T : Module
    {
        _made.Add(module);
        return module;
    }

    private Weight ReadWeight(LinearSpec spec, WeightSpec weight)
    {
        var info = Find(weight);
        if (info.IsQuantized)
        {
            Report();
            return new QuantizedWeight(source.ReadQuantized(info.Name, Backend));
        }

        if (quantization.Type is not { } type || spec.KeepFullPrecision) return new DenseWeight(ReadParameter(weight, asFloat32: false, spec.GgufRotaryHeads));
        using var values = ReadFloat32(weight, info, spec.GgufRotaryHeads);
        return new QuantizedWeight(Backend.Quantize(values, type, quantization.BlockSize, quantization.Double));
    }

    private Parameter ReadParameter(WeightSpec weight, bool asFloat32 = false, int rotaryHeads = 0)
    {
        var info = Find(weight);
        if (info.DenseType is not { } dense || (asFloat32 && dense != DType.Float32) || UnpermutesRows(rotaryHeads))
        {
            return new Parameter(weight.Name, ReadFloat32(weight, info, rotaryHeads));
        }

        Report();
        return new Parameter(weight.Name, Backend.Upload(weight.Shape, dense, source.ReadRaw(info.Name)));
    }

    private WeightInfo Find(WeightSpec weight) => source.Weights[weight.NameIn(source.Naming)!];

    private void Report() => progress?.Invoke(++_read);

    private bool UnpermutesRows(int rotaryHeads) => rotaryHeads > 0 && source.Naming == WeightNaming.Gguf;

    private Tensor ReadFloat32(WeightSpec weight, WeightInfo info, int rotaryHeads)
    {
        Report();
        var tensor = Backend.Allocate(weight.Shape);
        var heads = UnpermutesRows(rotaryHeads) ? rotaryHeads : 0;
        if (tensor.Buffer is HostBuffer)
        {
            ReadInParallel(info, heads, (start, count) => tensor.Span<float>().Slice(start, count));
            return tensor;
        }

        var values = ArrayPool<float>.Shared.Rent(checked((int)tensor.Count));
        ReadInParallel(info, heads, values.AsSpan);
        Backend.CopyFromHost<float>(values.AsSpan(0, (int)tensor.Count), tensor);
        ArrayPool<float>.Shared.Return(values);
        return tensor;
    }

    /// <summary>Decodes a weight to where it shall lie, some rows at a time; those of rotary heads go back from GGUF's order to Hugging Face's.</summary>
    /// <param name="info">The weight.</param>
    /// <param name="heads">Heads whose rows GGUF stores interleaved; 0 for none.</param>
    /// <param name="elements">The place of some elements, by the first and their number.</param>
    private void ReadInParallel(WeightInfo info, int heads, Func<int, int, Span<float>> elements)
    {
        var (rows, columns) = info.Shape.Rank > 1 ? (info.Shape.Rows, info.Shape.Columns) : heads > 0 ? (info.Shape.Rows, 1) : (1, info.Shape.Rows);
        Parallel.For(0, (rows + RowsAtATime - 1) / RowsAtATime, part =>
        {
            var (first, last) = (part * RowsAtATime, Math.Min((part + 1) * RowsAtATime, rows));
            if (heads == 0)
            {
                source.Read(info.Name, (long)first * columns, elements(first * columns, (last - first) * columns));
                return;
            }

            for (var row = first; row < last; row++) source.Read(info.Name, (long)RotaryLayout.ToGguf(row, rows / heads) * columns, elements(row * columns, columns));
        });
    }
}
