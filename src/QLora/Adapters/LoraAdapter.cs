using QLora.Autograd;
using QLora.Backends;
using QLora.Layers;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Adapters;

/// <summary>A named set of branches on one model, in the order of the model's layers.</summary>
public sealed class LoraAdapter : IDisposable
{
    // Keeps these random words apart from those of dropout masks, whose streams are small numbers.
    private const ulong InitialStream = 0x4C4F_5241_0000_0000;

    private readonly List<(Linear Layer, LoraBranch Branch)> _branches = [];
    private readonly CausalLanguageModel _model;

    private LoraAdapter(string name, CausalLanguageModel model, LoraConfig config) => (Name, _model, Config) = (name, model, config);

    /// <summary>The name by which it is put to use.</summary>
    public string Name { get; }

    /// <summary>Its settings.</summary>
    public LoraConfig Config { get; }

    /// <summary>The layers it touches, and what it adds to each.</summary>
    public IEnumerable<(Linear Layer, LoraBranch Branch)> Branches => _branches;

    /// <summary>A and B of every branch, under the names that PEFT writes.</summary>
    public IEnumerable<Parameter> Parameters => _branches.SelectMany(entry => new[] { entry.Branch.A, entry.Branch.B });

    /// <summary>
    /// A new adapter that changes nothing yet: B is zero, and A uniform in ±1/√in as PEFT's default (Kaiming with a = √5) makes it.
    /// </summary>
    /// <param name="name">The name by which it is put to use.</param>
    /// <param name="model">The model whose layers it touches.</param>
    /// <param name="config">Its settings.</param>
    /// <param name="seed">What A is drawn from.</param>
    internal static LoraAdapter CreateNew(string name, CausalLanguageModel model, LoraConfig config, ulong seed)
    {
        float[] room = []; // for all branches: otherwise each would leave garbage of its size
        return Create(name, model, config, (spec, branch) =>
        {
            if (room.Length < branch.A.Value.Count) room = new float[branch.A.Value.Count];
            var values = room.AsSpan(0, (int)branch.A.Value.Count);
            var bound = 1 / MathF.Sqrt(spec.In);
            for (var i = 0; i < values.Length; i++) values[i] = (2 * Philox.Uniform(Philox.Word(seed, InitialStream + (ulong)branch.Site, (ulong)i)) - 1) * bound;
            model.Backend.CopyFromHost<float>(values, branch.A.Value);
            model.Backend.Clear(branch.B.Value);
        });
    }

    /// <summary>An adapter that the caller fills, branch by branch; until then its values are undefined.</summary>
    internal static LoraAdapter Create(string name, CausalLanguageModel model, LoraConfig config, Action<LinearSpec, LoraBranch> fill)
    {
        var adapter = new LoraAdapter(name, model, config.Validated());
        var specs = config.TargetModules.Match(model.Modules.Select(module => module.Spec)).ToHashSet();
        try
        {
            foreach (var layer in model.Modules.OfType<Linear>().Where(layer => specs.Contains(layer.Spec)))
            {
                var branch = new LoraBranch(
                    new Parameter(PeftName(layer.Path, "lora_A"), model.Backend.Allocate(new Shape(config.Rank, layer.Spec.In))),
                    new Parameter(PeftName(layer.Path, "lora_B"), model.Backend.Allocate(new Shape(layer.Spec.Out, config.Rank))),
                    config.Scaling, config.Dropout, site: adapter._branches.Count);
                adapter._branches.Add((layer, branch));
                fill(layer.Spec, branch);
            }

            return adapter;
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
    }

    /// <summary>Writes it in PEFT's format: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>, each complete or not there.</summary>
    /// <param name="folder">Made when it is not there.</param>
    /// <param name="baseModel">What <c>base_model_name_or_path</c> shall say.</param>
    /// <exception cref="QLoraException">The folder cannot be written.</exception>
    public void Save(string folder, string? baseModel = null) => AdapterFile.Save(this, _model, folder, baseModel);

    /// <summary>The name of one matrix in PEFT's files.</summary>
    internal static string PeftName(string path, string matrix) => $"base_model.model.{path}.{matrix}.weight";

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        foreach (var (layer, branch) in _branches)
        {
            if (layer.ActiveBranch == branch) layer.ActiveBranch = null;
            branch.Dispose();
        }

        _branches.Clear();
    }
}
