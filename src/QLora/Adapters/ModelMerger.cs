using System.Buffers;
using System.Runtime.InteropServices;
using QLora.Checkpoints;
using QLora.Layers;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Adapters;

/// <summary>Writes a model with the adapter in use folded into its weights: W + scaling · B·A, one weight at a time.</summary>
public static class ModelMerger
{
    /// <summary>Writes the merged weights as safetensors.</summary>
    /// <param name="model">The model; it is not changed. Weights in 4 bits are dequantised, so the result is what the adapter was trained on.</param>
    /// <param name="path">The safetensors file, complete or not there.</param>
    /// <param name="dtype">Float32 or BFloat16.</param>
    /// <param name="progress">Told the share that is written, from 0 to 1.</param>
    /// <exception cref="QLoraException">The file cannot be written.</exception>
    public static void Write(CausalLanguageModel model, string path, DType dtype, IProgress<double>? progress = null)
    {
        if (dtype is not (DType.Float32 or DType.BFloat16)) throw new QLoraException($"a merged model is written as float32 or bfloat16, not {dtype}");
        var entries = Entries(model, dtype).ToList();
        var written = 0;
        SafetensorsWriter.Write(path, entries.Select(entry => entry with
        {
            Write = stream =>
            {
                entry.Write(stream);
                progress?.Report((double)++written / entries.Count);
            },
        }));
    }

    private static IEnumerable<SafetensorsEntry> Entries(CausalLanguageModel model, DType dtype)
    {
        foreach (var module in model.Modules)
        {
            foreach (var weight in module.Spec.Weights)
            {
                yield return new SafetensorsEntry(weight.Name, dtype, weight.Shape, stream => WriteValues(stream, Values(model, module, weight), dtype));
            }
        }
    }

    /// <summary>One weight in Float32, with the adapter's branch added when it is a matrix that has one.</summary>
    private static float[] Values(CausalLanguageModel model, Module module, WeightSpec weight)
    {
        var backend = model.Backend;
        var parameter = module.Parameters.FirstOrDefault(parameter => parameter.Name == weight.Name);
        var isMatrix = module is Linear && weight.Shape.Rank == 2;
        using var dense = isMatrix ? ((Linear)module).Weight.ToFloat32(backend, weight.Shape) : Widened(model, parameter!.Value);
        if (isMatrix && ((Linear)module).ActiveBranch is { } branch) backend.MatMul(branch.B.Value, branch.A.Value, dense, alpha: branch.Scaling, beta: 1);
        var values = new float[dense.Count];
        backend.CopyToHost(dense, values.AsSpan());
        return values;
    }

    private static Tensor Widened(CausalLanguageModel model, Tensor tensor)
    {
        var matrix = tensor.Shape.Rank == 1 ? tensor.Reshape(1, (int)tensor.Count) : tensor;
        var copy = model.Backend.Allocate(matrix.Shape);
        var rows = model.Backend.Upload<int>(new Shape(matrix.Rows), DType.Int32, [.. Enumerable.Range(0, matrix.Rows)]);
        model.Backend.Embedding(rows, matrix, copy);
        rows.Dispose();
        return copy;
    }

    private static void WriteValues(Stream stream, float[] values, DType dtype)
    {
        if (dtype == DType.Float32)
        {
            stream.Write(MemoryMarshal.AsBytes<float>(values));
            return;
        }

        var halves = ArrayPool<ushort>.Shared.Rent(values.Length);
        for (var i = 0; i < values.Length; i++) halves[i] = BFloat16Bits(values[i]);
        stream.Write(MemoryMarshal.AsBytes(halves.AsSpan(0, values.Length)));
        ArrayPool<ushort>.Shared.Return(halves);
    }

    /// <summary>Rounds to nearest, ties to even; NaN stays NaN.</summary>
    private static ushort BFloat16Bits(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value)) return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
