using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using QLora.Autograd;
using QLora.Checkpoints;
using QLora.Layers;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Adapters;

/// <summary>Writes a model with the adapter in use folded into its weights: W + scaling · B·A, one weight at a time.</summary>
public static class ModelMerger
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, IndentSize = 2 };

    /// <summary>Writes a folder that loads as a model: <c>model.safetensors</c> and <c>config.json</c>, each complete or not there. The tokenizer's files are the caller's.</summary>
    /// <param name="model">The model; it is not changed.</param>
    /// <param name="folder">Made when it is not there.</param>
    /// <param name="dtype">Float32 or BFloat16.</param>
    /// <param name="progress">Told the share that is written, from 0 to 1.</param>
    /// <exception cref="QLoraException">The folder cannot be written, or the adapter cannot be merged.</exception>
    public static void Save(CausalLanguageModel model, string folder, DType dtype, IProgress<double>? progress = null)
    {
        AtomicFile.CreateFolder(folder);
        Write(model, Path.Combine(folder, SafetensorsCheckpoint.SingleName), dtype, progress);
        var config = model.Config.ToJson();
        config["torch_dtype"] = dtype == DType.Float32 ? "float32" : "bfloat16";
        AtomicFile.WriteText(Path.Combine(folder, "config.json"), config.ToJsonString(Indented) + "\n");
    }

    /// <summary>Writes the merged weights as safetensors.</summary>
    /// <param name="model">The model; it is not changed. Weights in 4 bits are dequantised, so the result is what the adapter was trained on.</param>
    /// <param name="path">The safetensors file, complete or not there.</param>
    /// <param name="dtype">Float32 or BFloat16.</param>
    /// <param name="progress">Told the share that is written, from 0 to 1.</param>
    /// <exception cref="QLoraException">The file cannot be written, or the adapter changes an output head that shares its weight with the embedding.</exception>
    public static void Write(CausalLanguageModel model, string path, DType dtype, IProgress<double>? progress = null)
    {
        if (dtype is not (DType.Float32 or DType.BFloat16)) throw new QLoraException($"a merged model is written as float32 or bfloat16, not {dtype}");
        if (model.LmHead is { ActiveBranch: not null, Weight: DenseWeight { IsOwned: false } } head)
        {
            throw new QLoraException($"the adapter changes {head.Path}, whose weight is the embedding's too; merged into one it would change the other");
        }

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
        using var dense = isMatrix ? ((Linear)module).Weight.ToFloat32(backend, weight.Shape) : backend.ToFloat32(parameter!.Value);
        if (isMatrix && ((Linear)module).ActiveBranch is { } branch) backend.MatMul(branch.B.Value, branch.A.Value, dense, alpha: branch.Scaling, beta: 1);
        var values = new float[dense.Count];
        backend.CopyToHost(dense, values.AsSpan());
        return values;
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
