using System.Buffers;
using QLora.Autograd;
using QLora.Backends;
using QLora.Checkpoints;
using QLora.Checkpoints.Gguf;
using QLora.Layers;
using QLora.Tensors;

namespace QLora.Models;

/// <summary>
/// Makes a model's layers from a checkpoint, strictly: a missing, extra or misshapen tensor is an error. One weight at a time is decoded, quantised and dropped, so
/// that a second copy of the model never exists.
/// </summary>
/// <param name="source">The checkpoint.</param>
/// <param name="backend">Where the weights shall lie.</param>
/// <param name="quantization">How linear weights are stored.</param>
/// <param name="progress">Told the number of weights read so far; null when nobody listens.</param>
internal sealed class CheckpointBuilder(WeightSource source, Backend backend, QuantizationOptions quantization, Action<int>? progress) : ModuleBuilder(backend)
{
    private const int RowsAtATime = 64;

    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    public override Embedding Embedding(EmbeddingSpec spec) => new(spec, ReadParameter(spec.Weights.Single()));

    public override RmsNorm RmsNorm(RmsNormSpec spec) => new(spec, ReadParameter(spec.Weights.Single(), asFloat32: true));

    public override Linear Linear(LinearSpec spec, Embedding? tiedTo)
    {
        var weights = spec.Weights.ToList();
        var bias = spec.HasBias ? ReadParameter(weights[^1], asFloat32: true, spec.GgufRotaryHeads) : null;
        if (tiedTo is not null)
        {
            SkipTiedCopy(spec);
            return new Linear(spec, new DenseWeight(tiedTo.Weight, owned: false), bias);
        }

        return new Linear(spec, ReadWeight(spec, weights[0]), bias);
    }

    /// <summary>Refuses tensors that no module asked for.</summary>
    public void CheckNothingIsLeft()
    {
        var left = source.Weights.Keys.Where(name => !_used.Contains(name) && !IsKnownExtra(name)).Order(StringComparer.Ordinal).ToList();
        if (left.Count == 0) return;
        throw new QLoraException($"{source.Path}: {left.Count} tensor{(left.Count == 1 ? "" : "s")} that the model does not have: {string.Join(", ", left.Take(5))}{(left.Count > 5 ? ", …" : "")}");
    }

    /// <summary>Tensors that published checkpoints carry and no model of the family reads: tables that are computed instead.</summary>
    private static bool IsKnownExtra(string name) => name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal) || name == "rope_freqs.weight";

    private Weight ReadWeight(LinearSpec spec, WeightSpec weight)
    {
        var info = Find(weight);
        if (info.IsQuantized) return new QuantizedWeight(source.ReadQuantized(info.Name, Backend));
        if (quantization.Type is not { } type || spec.KeepFullPrecision) return new DenseWeight(ReadParameter(weight, asFloat32: false, spec.GgufRotaryHeads));
        using var values = ReadFloat32(weight, info, spec.GgufRotaryHeads);
        return new QuantizedWeight(Backend.Quantize(values, type, quantization.BlockSize, quantization.Double));
    }

    private Parameter ReadParameter(WeightSpec weight, bool asFloat32 = false, int rotaryHeads = 0)
    {
        var info = Find(weight);
        if (info.IsQuantized) throw new QLoraException($"{source.Path}: {info.Name} is in 4 bits, which only linear layers can be");
        if (info.DenseType is not { } dense || (asFloat32 && dense != DType.Float32) || UnpermutesRows(rotaryHeads))
        {
            return new Parameter(weight.Name, ReadFloat32(weight, info, rotaryHeads));
        }

        return new Parameter(weight.Name, Backend.Upload(weight.Shape, dense, source.ReadRaw(info.Name)));
    }

    private bool UnpermutesRows(int rotaryHeads) => rotaryHeads > 0 && source.Naming == WeightNaming.Gguf;

    private Tensor ReadFloat32(WeightSpec weight, WeightInfo info, int rotaryHeads)
    {
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

    private WeightInfo Find(WeightSpec weight)
    {
        var name = source.Naming == WeightNaming.Gguf ? weight.GgufName ?? throw new QLoraException($"{source.Path}: {weight.Name} has no name in GGUF files") : weight.Name;
        if (!source.Weights.TryGetValue(name, out var info)) throw new QLoraException($"{source.Path}: tensor {name} {weight.Shape} is missing");
        if (info.Shape != weight.Shape) throw new QLoraException($"{source.Path}: tensor {name} has shape {info.Shape}, expected {weight.Shape} from the config");
        _used.Add(name);
        progress?.Invoke(_used.Count);
        return info;
    }

    /// <summary>Some checkpoints store a tied head a second time; it is the embedding all the same.</summary>
    private void SkipTiedCopy(LinearSpec spec)
    {
        _used.Add($"{spec.Path}.weight");
        if (spec.GgufPath is not null) _used.Add($"{spec.GgufPath}.weight");
    }
}
