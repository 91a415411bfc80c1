using QLora.Adapters;
using QLora.Autograd;
using QLora.Backends;
using QLora.Checkpoints;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Training;

/// <summary>What a run trains: the adapter in use, or every weight of the model.</summary>
internal sealed class TrainedWeights : IDisposable
{
    private readonly CausalLanguageModel _model;
    private readonly LoraAdapter? _adapter;

    /// <summary>Finds it, and makes the adapter in use trainable.</summary>
    /// <exception cref="QLoraException">There is nothing to train, or a model both as a whole and through an adapter.</exception>
    public TrainedWeights(CausalLanguageModel model)
    {
        var whole = model.Modules.SelectMany(module => module.Parameters).Any(parameter => parameter.IsTrainable);
        (_model, _adapter) = (model, model.Adapters.Active);
        if (whole && _adapter is not null)
        {
            throw new QLoraException($"the model's own weights are to be trained, and adapter '{_adapter.Name}' is in use; expected one or the other");
        }

        if (!whole && _adapter is null) throw new QLoraException("there is nothing to train: add an adapter (Adapters.AddNew), or train every weight (TrainAllWeights)");
        if (!whole) model.Adapters.Train();
        Parameters = [.. model.TrainableParameters];
        Tensors = [.. Parameters.Select(parameter => (parameter.Name, parameter.Value))];
    }

    /// <summary>What an adapter's config names as its base.</summary>
    public string? BaseModel { get; set; }

    /// <summary>Where it lies.</summary>
    public Backend Backend => _model.Backend;

    /// <summary>In the order of the model.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Names in files, and values.</summary>
    public IReadOnlyList<(string Name, Tensor Tensor)> Tensors { get; }

    /// <summary>The file that holds it in a folder.</summary>
    public string FileName => _adapter is null ? SafetensorsCheckpoint.SingleName : AdapterFile.WeightsName;

    /// <summary>Writes an adapter folder or a model folder.</summary>
    /// <exception cref="QLoraException">It cannot be written, or numbers went wrong; what lay there is as it was.</exception>
    public void Save(string folder, int step)
    {
        NonFinite.Refuse(_model, Parameters, step);
        if (_adapter is null) ModelMerger.Save(_model, folder, DType.Float32);
        else _adapter.Save(folder, BaseModel);
    }

    /// <summary>Freezes it and gives the gradients back.</summary>
    public void Dispose()
    {
        foreach (var parameter in Parameters) parameter.Freeze();
    }
}
