using QLora.Layers;
using QLora.Models;

namespace QLora.Adapters;

/// <summary>The adapters on one model: any number stay loaded, one or none is in use.</summary>
public sealed class AdapterSet : IDisposable
{
    private readonly CausalLanguageModel _model;
    private readonly Dictionary<string, LoraAdapter> _adapters = new(StringComparer.Ordinal);

    internal AdapterSet(CausalLanguageModel model) => _model = model;

    /// <summary>The name PEFT gives an adapter that was given none.</summary>
    public const string DefaultName = "default";

    /// <summary>The names of the adapters.</summary>
    public IEnumerable<string> Names => _adapters.Keys;

    /// <summary>The adapter in use, or null.</summary>
    public LoraAdapter? Active { get; private set; }

    /// <summary>Adds a new adapter that changes nothing yet, and uses it.</summary>
    /// <param name="config">Its settings.</param>
    /// <param name="seed">What its A matrices are drawn from.</param>
    /// <param name="name">Its name, not yet taken.</param>
    /// <exception cref="QLoraException">A setting is out of range, a target matches nothing, or the name is taken.</exception>
    public LoraAdapter AddNew(LoraConfig config, ulong seed = 42, string name = DefaultName) => Add(() => LoraAdapter.CreateNew(name, _model, config, seed), name);

    /// <summary>Adds an adapter of undefined values, and uses it: for those who look at sizes only.</summary>
    internal LoraAdapter AddUnfilled(LoraConfig config) => Add(() => LoraAdapter.Create(DefaultName, _model, config, (_, _) => { }), DefaultName);

    /// <summary>Loads an adapter that PEFT or this engine saved, and uses it.</summary>
    /// <param name="folder">Holds <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.</param>
    /// <param name="name">Its name, not yet taken.</param>
    /// <exception cref="QLoraException">The adapter is broken, of a kind that is not supported, or for another model; or the name is taken.</exception>
    public LoraAdapter Load(string folder, string name = DefaultName) => Add(() => AdapterFile.Load(folder, name, _model), name);

    /// <summary>Puts an adapter to use, or none.</summary>
    /// <param name="name">A name of <see cref="Names"/>, or null for the bare model.</param>
    /// <exception cref="QLoraException">There is no such adapter; the message lists those that exist.</exception>
    public void Use(string? name)
    {
        LoraAdapter? chosen = null;
        if (name is not null && !_adapters.TryGetValue(name, out chosen))
        {
            throw new QLoraException($"there is no adapter '{name}'; there are {(_adapters.Count == 0 ? "none" : string.Join(", ", Names))}");
        }

        foreach (var layer in _model.Modules.OfType<Linear>()) layer.ActiveBranch = null;
        foreach (var (layer, branch) in chosen?.Branches ?? []) layer.ActiveBranch = branch;
        Active = chosen;
    }

    /// <summary>Makes the adapter in use trainable.</summary>
    /// <exception cref="InvalidOperationException">None is in use.</exception>
    public void Train()
    {
        if (Active is null) throw new InvalidOperationException("no adapter is in use");
        foreach (var parameter in Active.Parameters) parameter.Train(_model.Backend);
    }

    /// <summary>Removes an adapter and gives its memory back.</summary>
    public void Remove(string name)
    {
        if (!_adapters.Remove(name, out var adapter)) return;
        if (Active == adapter) Use(null);
        adapter.Dispose();
    }

    /// <summary>Removes all adapters.</summary>
    public void Dispose()
    {
        foreach (var name in Names.ToArray()) Remove(name);
    }

    private LoraAdapter Add(Func<LoraAdapter> create, string name)
    {
        if (_adapters.ContainsKey(name)) throw new QLoraException($"there is an adapter '{name}' already");
        _adapters.Add(name, create());
        Use(name);
        return Active!;
    }
}
