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
        var values = ReadFloat32(weight, info, spec.GgufRotaryHeads);
        try
        {
            return new QuantizedWeight(Backend.Quantize(values, type, quantization.BlockSize, quantization.Double));
        }
        finally
        {
            values.Dispose();
        }
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
        var headSize = UnpermutesRows(rotaryHeads) ? weight.Shape.Rows / rotaryHeads : 0;
        var columns = weight.Shape.Rank > 1 ? weight.Shape.Columns : headSize > 0 ? 1 : weight.Shape.Rows;
        var matrix = tensor.Reshape((int)(tensor.Count / columns), columns);
        if (tensor.Buffer is HostBuffer) ReadInParallel(info.Name, matrix, headSize);
        else ReadThroughHost(info.Name, matrix, headSize);
        return tensor;
    }

    private void ReadInParallel(string name, Tensor matrix, int headSize)
    {
        const int RowsAtATime = 64;
        Parallel.For(0, (matrix.Rows + RowsAtATime - 1) / RowsAtATime, part =>
        {
            var first = part * RowsAtATime;
            ReadRows(name, first, matrix.Columns, headSize, matrix.Slice(first, Math.Min(RowsAtATime, matrix.Rows - first)).Span<float>());
        });
    }

    private void ReadThroughHost(string name, Tensor matrix, int headSize)
    {
        var values = ArrayPool<float>.Shared.Rent(checked((int)matrix.Count));
        ReadRows(name, 0, matrix.Columns, headSize, values.AsSpan(0, (int)matrix.Count));
        Backend.CopyFromHost<float>(values.AsSpan(0, (int)matrix.Count), matrix);
        ArrayPool<float>.Shared.Return(values);
    }

    /// <summary>Some rows of a weight. llama.cpp stores those of a rotary head interleaved; here each is taken from where it lies, so that they are in Hugging Face's order.</summary>
    private void ReadRows(string name, int first, int columns, int headSize, Span<float> rows)
    {
        if (headSize == 0)
        {
            source.Read(name, (long)first * columns, rows);
            return;
        }

        for (var row = 0; row < rows.Length / columns; row++)
        {
            source.Read(name, (long)RotaryLayout.ToGguf(first + row, headSize) * columns, rows.Slice(row * columns, columns));
        }
    }
}
