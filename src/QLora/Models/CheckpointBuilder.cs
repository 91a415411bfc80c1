using System.Buffers;
using QLora.Autograd;
using QLora.Backends;
using QLora.Checkpoints;
using QLora.Layers;
using QLora.Tensors;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace QLora.Models;

/// <summary>
/// Makes a model's layers from a checkpoint that <see cref="CheckpointCheck"/> found to fit. One weight at a time is decoded, quantised and dropped, and so are the pages of
/// its file, so that a second copy of the model never exists.
/// </summary>
/// <param name="source">The checkpoint.</param>
/// <param name="backend">Where the weights shall lie.</param>
/// <param name="quantization">How linear weights are stored.</param>
/// <param name="progress">Told the number of weights read so far; null when nobody listens.</param>
internal class CheckpointBuilder(WeightSource source, Backend backend, QuantizationOptions quantization, Action<int>? progress) : ModuleBuilder(backend)
{
    private const int RowsAtATime = 64;

    // Pages go back many at a time: after every module, loading took a tenth longer.
    private const long MostTouchedBytes = 16 << 20;

    private readonly List<Module> _made = [];
    private int _read;

    public override Embedding Embedding(EmbeddingSpec spec) => Keep(new Embedding(spec, ReadParameter(spec.Weights.Single())));

    public override RmsNorm RmsNorm(RmsNormSpec spec) => Keep(new RmsNorm(spec, ReadParameter(spec.Weights.Single(), asFloat32: true)));

    public override LayerNorm LayerNorm(LayerNormSpec spec)
    {
        var weights = spec.Weights.ToList();
        return Keep(new LayerNorm(spec, ReadParameter(weights[0], asFloat32: true), ReadParameter(weights[1], asFloat32: true)));
    }

    public override Linear Linear(LinearSpec spec, Embedding? tiedTo)
    {
        var weights = spec.Weights.ToList();
        var weight = tiedTo is null ? ReadWeight(spec, weights[0]) : new DenseWeight(tiedTo.Weight, owned: false);
        return Keep(new Linear(spec, weight, spec.HasBias ? ReadParameter(weights[^1], asFloat32: true) : null));
    }

    /// <summary>Gives back what was made, when the rest could not be.</summary>
    public void Abandon() => _made.ForEach(module => module.Dispose());

    /// <summary>Bytes of the files that were read and whose pages were not given back yet.</summary>
    protected long TouchedBytes { get; private set; }

    /// <summary>Notes that a module was made: what was read for it is not read again.</summary>
    protected virtual T Keep<T>(T module) where T : Module
    {
        _made.Add(module);
        if (TouchedBytes < MostTouchedBytes) return module;
        source.ReleasePages();
        TouchedBytes = 0;
        return module;
    }

    private Weight ReadWeight(LinearSpec spec, WeightSpec weight)
    {
        var info = Find(weight);
        if (info.IsQuantized)
        {
            Report(info);
            return new QuantizedWeight(source.ReadQuantized(info.Name, Backend));
        }

        if (quantization.Type is not { } type || spec.KeepFullPrecision) return new DenseWeight(ReadParameter(weight));
        using var values = ReadFloat32(weight, info);
        return new QuantizedWeight(Backend.Quantize(values, type, quantization.BlockSize, quantization.Double));
    }

    private Parameter ReadParameter(WeightSpec weight, bool asFloat32 = false)
    {
        var info = Find(weight);
        if (info.StoredType is not { } stored || (asFloat32 && stored != DType.Float32) || weight.TransformIn(source.Naming) is not null)
        {
            return new Parameter(weight.Name, ReadFloat32(weight, info));
        }

        Report(info);
        return new Parameter(weight.Name, ReadStored(weight, info, stored));
    }

    /// <summary>A weight as it lies in the checkpoint.</summary>
    protected virtual Tensor ReadStored(WeightSpec weight, WeightInfo info, DType stored) => Backend.Upload(weight.Shape, stored, source.ReadRaw(info.Name));

    private WeightInfo Find(WeightSpec weight) => source.Weights[weight.NameIn(source.Naming)!];

    private void Report(WeightInfo info)
    {
        TouchedBytes += info.Bytes;
        progress?.Invoke(++_read);
    }

    private Tensor ReadFloat32(WeightSpec weight, WeightInfo info)
    {
        Report(info);
        var tensor = Backend.Allocate(weight.Shape);
        Decode(weight, info, tensor);
        return tensor;
    }

    /// <summary>Fills a tensor with a weight, in Float32 and as the engine holds it.</summary>
    protected virtual void Decode(WeightSpec weight, WeightInfo info, Tensor tensor)
    {
        var transform = weight.TransformIn(source.Naming);
        if (tensor.Buffer is HostBuffer)
        {
            Read(weight, info, transform, tensor.Span<float>);
            return;
        }

        var values = ArrayPool<float>.Shared.Rent(checked((int)tensor.Count));
        Read(weight, info, transform, () => values.AsSpan(0, (int)tensor.Count));
        Backend.CopyFromHost<float>(values.AsSpan(0, (int)tensor.Count), tensor);
        ArrayPool<float>.Shared.Return(values);
    }

    /// <summary>Decodes a weight to where it shall lie, as the engine holds it.</summary>
    private void Read(WeightSpec weight, WeightInfo info, WeightTransform? transform, Func<Span<float>> destination)
    {
        if (transform is TransposedMatrix) ReadTransposed(info, destination);
        else ReadRows(weight.Shape, info, transform, destination);
        if (transform is MinusOne) TensorPrimitives.Add(destination(), 1, destination());
    }

    private void ReadRows(Shape shape, WeightInfo info, WeightTransform? transform, Func<Span<float>> destination)
    {
        // What has no rows to be moved is read in one piece.
        var (rows, columns) = shape.Rank > 1 ? (shape.Rows, shape.Columns) : transform is InterleavedHeads ? (shape.Rows, 1) : (1, shape.Rows);
        InParallel(rows, (first, last) =>
        {
            var values = destination();
            if (transform is not InterleavedHeads)
            {
                source.Read(info.Name, (long)(transform?.StoredRow(first, rows) ?? first) * columns, values[(first * columns)..(last * columns)]);
                return;
            }

            for (var row = first; row < last; row++) source.Read(info.Name, (long)transform.StoredRow(row, rows) * columns, values.Slice(row * columns, columns));
        });
    }

    private void ReadTransposed(WeightInfo info, Func<Span<float>> destination)
    {
        var (rows, columns) = (info.Shape.Rows, info.Shape.Columns);
        InParallel(rows, (first, last) =>
        {
            var stored = new float[columns];
            var values = destination();
            for (var row = first; row < last; row++)
            {
                source.Read(info.Name, (long)row * columns, stored);
                for (var column = 0; column < columns; column++) values[column * rows + row] = stored[column];
            }
        });
    }

    private static void InParallel(int rows, Action<int, int> read)
        => Parallel.For(0, (rows + RowsAtATime - 1) / RowsAtATime, part => read(part * RowsAtATime, Math.Min((part + 1) * RowsAtATime, rows)));
}
