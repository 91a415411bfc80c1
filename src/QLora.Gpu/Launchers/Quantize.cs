using QLora.Gpu.Kernels;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    private readonly Dictionary<QuantizationType, CodebookTables> _codebooks = [];

    /// <inheritdoc/>
    protected override QuantizedTensor QuantizeCore(Tensor weight, QuantizationType type, int blockSize, bool doubleQuantization)
    {
        if (weight.Buffer is HostBuffer)
        {
            using var uploaded = Upload<float>(weight.Shape, DType.Float32, weight.Span<float>());
            return QuantizeCore(uploaded, type, blockSize, doubleQuantization);
        }

        var result = BlockQuantizer.Allocate(weight.Shape, type, blockSize, doubleQuantization, this);
        if (!doubleQuantization)
        {
            QuantizeBlocks(weight, result, result.AbsMax);
            return result;
        }

        // The scales, a sixty-fourth of the weight, are quantised by the host: their mean is summed in an order that only it can follow.
        using var scales = Allocate(result.AbsMax.Shape);
        QuantizeBlocks(weight, result, scales);
        var absMax = new float[scales.Count];
        CopyToHost<float>(scales, absMax);
        return BlockQuantizer.UploadScales(absMax, result, this);
    }

    /// <inheritdoc/>
    protected override void DequantizeCore(QuantizedTensor w, Tensor y)
    {
        if (w.Nested is null) Run(Reader(w, PlainScales(w)));
        else Run(Reader(w, NestedScales(w)));

        void Run<TWeight>(TWeight reader) where TWeight : struct, IWeightReader => Launch(QuantizeKernels.Dequantize<TWeight>, Elements(y.Count), reader, View<float>(y));
    }

    /// <summary>Decodes a weight of whole runs and blocks of them, in the type of y.</summary>
    private void DequantizeRuns(QuantizedTensor w, Tensor y)
    {
        if (w.Nested is null) Scales(PlainScales(w));
        else Scales(NestedScales(w));

        void Scales<TScales>(TScales scales) where TScales : struct, IScales
        {
            if (y.DType == DType.Float32) Fours<TScales, FourF32>(scales);
            else Fours<TScales, FourBF16>(scales);
        }

        void Fours<TScales, TFour>(TScales scales) where TScales : struct, IScales where TFour : unmanaged, IFour<TFour> =>
            Launch(QuantizeKernels.DequantizeRuns<TScales, TFour>, Elements(y.Count / TensorTile.Run), Runs(w, scales), View<TFour>(y));
    }

    private void QuantizeBlocks(Tensor weight, QuantizedTensor result, Tensor absMax)
    {
        var tables = Tables(result.Type);
        Launch(QuantizeKernels.Quantize, Elements(absMax.Count), View<float>(weight), View<float>(tables.Thresholds), View<int>(tables.CodeOfRank), Bytes(result.Codes),
            View<float>(absMax), result.BlockSize, BlockQuantizer.SmallestDivisor);
    }

    private QuantizedReader<TScales> Reader<TScales>(QuantizedTensor w, TScales scales) where TScales : struct, IScales =>
        new(Bytes(w.Codes), View<float>(Tables(w.Type).Values), scales, int.Log2(w.BlockSize));

    private QuantizedRuns<TScales> Runs<TScales>(QuantizedTensor w, TScales scales) where TScales : struct, IScales =>
        new(Bytes(w.Codes), View<float>(Tables(w.Type).Values), scales, int.Log2(w.BlockSize));

    private static PlainScales PlainScales(QuantizedTensor w) => new(View<float>(w.AbsMax));

    private static NestedScales NestedScales(QuantizedTensor w)
    {
        var nested = w.Nested!;
        if (!int.IsPow2(nested.BlockSize)) throw new QLoraException($"{nested.BlockSize} scales of a 4-bit weight share a scale of their own; on a GPU it must be a power of two");
        return new(Bytes(w.AbsMax), View<float>(nested.Code), View<float>(nested.AbsMax), nested.Offset, int.Log2(nested.BlockSize));
    }

    private CodebookTables Tables(QuantizationType type)
    {
        if (_codebooks.TryGetValue(type, out var tables)) return tables;
        var codebook = Codebook.Of(type);
        return _codebooks[type] = new CodebookTables(
            Upload(new Shape(codebook.Values.Length), DType.Float32, codebook.Values),
            Upload(new Shape(codebook.Thresholds.Length), DType.Float32, codebook.Thresholds),
            Upload(new Shape(codebook.CodeOfRank.Length), DType.Int32, codebook.CodeOfRank));
    }

    /// <summary>A 4-bit code on the device.</summary>
    private readonly record struct CodebookTables(Tensor Values, Tensor Thresholds, Tensor CodeOfRank) : IDisposable
    {
        public void Dispose()
        {
            Values.Dispose();
            Thresholds.Dispose();
            CodeOfRank.Dispose();
        }
    }
}
