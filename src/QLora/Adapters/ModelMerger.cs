using System.Text.Json;
using QLora.Autograd;
using QLora.Backends;
using QLora.Checkpoints;
using QLora.Layers;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Adapters;

/// <summary>
/// Writes a model with the adapter in use folded into its weights: W + scaling · B·A, one weight at a time. Weights in 4 bits are dequantised, so that the adapter meets the
/// weights that it was trained on; quantising the result again would round them anew.
/// </summary>
public sealed class ModelMerger
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, IndentSize = 2 };

    private readonly CausalLanguageModel _model;
    private readonly DType _dtype;
    private readonly DenseWriter _writer;
    private int _mergedLayers;
    private double _changed, _update; // sums of squares

    private ModelMerger(CausalLanguageModel model, DType dtype) => (_model, _dtype, _writer) = (model, dtype, new DenseWriter(model.Backend, dtype));

    /// <summary>
    /// Writes a folder that loads as a model: <c>model.safetensors</c> and <c>config.json</c>, each complete or not there. The tokenizer's files are the caller's.
    /// </summary>
    /// <param name="model">The model; it is not changed.</param>
    /// <param name="folder">Made when it is not there.</param>
    /// <param name="dtype">Float32 or BFloat16.</param>
    /// <param name="progress">Told the share that is written, from 0 to 1.</param>
    /// <exception cref="QLoraException">
    /// The folder cannot be written, the config has no form in config.json, or the adapter changes an output head that shares its weight with the embedding.
    /// </exception>
    public static MergeReport Save(CausalLanguageModel model, string folder, DType dtype, IProgress<double>? progress = null)
    {
        if (dtype is not (DType.Float32 or DType.BFloat16)) throw new QLoraException($"a merged model is written as float32 or bfloat16, not {dtype}");
        if (model.LmHead is { ActiveBranch: not null, Weight: DenseWeight { IsOwned: false } } head)
        {
            throw new QLoraException($"the adapter changes {head.Path}, whose weight is the embedding's too; merged into one it would change the other");
        }

        var config = model.Config.ToJson();
        config["torch_dtype"] = dtype == DType.Float32 ? "float32" : "bfloat16";
        AtomicFile.CreateFolder(folder);
        var merger = new ModelMerger(model, dtype);
        merger.WriteWeights(Path.Combine(folder, SafetensorsCheckpoint.SingleName), progress);
        AtomicFile.WriteText(Path.Combine(folder, "config.json"), config.ToJsonString(Indented) + "\n");
        return new MergeReport(merger._mergedLayers, Share(merger._update, merger._changed), Share(merger._writer.SquaredError, merger._writer.SumOfSquares));
    }

    private static double Share(double part, double whole) => whole == 0 ? 0 : Math.Sqrt(part / whole);

    private void WriteWeights(string path, IProgress<double>? progress)
    {
        List<(Module Module, WeightSpec Weight)> weights = [.. _model.Modules.SelectMany(module => module.Spec.Weights.Select(weight => (module, weight)))];
        var written = 0;
        SafetensorsWriter.Write(path, weights.Select(entry => new SafetensorsEntry(entry.Weight.Name, _dtype, entry.Weight.ShapeIn(WeightNaming.HuggingFace), stream =>
        {
            WriteWeight(stream, entry.Module, entry.Weight);
            progress?.Report((double)++written / weights.Count);
        })));
    }

    private void WriteWeight(Stream stream, Module module, WeightSpec weight)
    {
        if (module is not Linear { ActiveBranch: { } branch } linear || weight.Shape.Rank != 2)
        {
            _writer.Write(stream, module, weight);
            return;
        }

        using var merged = linear.Weight.ToFloat32(_model.Backend, weight.Shape);
        AddBranch(branch, merged);
        _writer.Write(stream, merged, weight.Transform);
    }

    /// <summary>W ← W + scaling · B·A.</summary>
    private void AddBranch(LoraBranch branch, Tensor values)
    {
        var backend = _model.Backend;
        using var update = backend.Allocate(values.Shape);
        backend.MatMul(branch.B.Value, branch.A.Value, update, alpha: branch.Scaling);
        _mergedLayers++;
        _changed += backend.SumOfSquares(values);
        _update += backend.SumOfSquares(update);
        backend.Add(update, values);
    }
}
