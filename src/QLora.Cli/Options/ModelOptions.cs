using System.CommandLine;
using QLora.Adapters;
using QLora.Cli.Frame;
using QLora.Models;
using QLora.Tensors;
using QLora.Training;

namespace QLora.Cli.Options;

/// <summary>A model with the adapter that is put on it, and how and where it is loaded.</summary>
/// <param name="quantization">How it is loaded where the command line does not say.</param>
/// <param name="adapter">What the adapter is for, in the help; null for a command without one.</param>
/// <param name="runs">Whether the command passes tokens through the model, whose activations then have a type.</param>
internal sealed class ModelOptions(QuantizationOptions quantization, string? adapter, bool runs = true) : IOptionGroup
{
    private readonly QuantizationOptionGroup _quantization = new(quantization);
    private readonly Option<DType?> _computeDType = NewOption.Choice<DType?>("--compute-dtype",
        "Type of activations and their gradients; bfloat16 halves their memory and rounds each result to 8 bits, sums stay in float32 [default: float32]",
        ("float32", DType.Float32), ("bfloat16", DType.BFloat16));

    /// <summary>The model.</summary>
    public Option<string?> Model { get; } = ModelOption();

    /// <summary>The adapter that is put on it.</summary>
    public Option<string?> AdapterOption { get; } = NewOption.Text("--adapter", adapter ?? "", "DIR");

    /// <summary>What it runs on.</summary>
    public DeviceOptions Device { get; } = new();

    /// <summary>How it is loaded.</summary>
    public IEnumerable<Option> QuantizationOptions => _quantization.All;

    /// <summary>How and where it is loaded.</summary>
    public IEnumerable<Option> LoadOptions => [.. _quantization.All, .. runs ? new Option[] { _computeDType } : [], .. Device.All];

    /// <inheritdoc/>
    public IEnumerable<Option> All => [Model, .. adapter is null ? Array.Empty<Option>() : [AdapterOption], .. LoadOptions];

    /// <summary>The option of the model alone, for commands that do not load it.</summary>
    public static Option<string?> ModelOption() => NewOption.Text("--model", "The model: a Hugging Face folder (safetensors, also bitsandbytes 4-bit) or a .gguf file", "MODEL").Needed();

    /// <summary>The adapter's folder; null for none.</summary>
    public string? Adapter(CommandContext context) => context.Get(AdapterOption);

    /// <summary>How its linear weights are stored.</summary>
    public QuantizationOptions Quantization(CommandContext context) => _quantization.Read(context);

    /// <summary>The type of its activations.</summary>
    public DType ComputeDType(CommandContext context) => context.Get(_computeDType) ?? DType.Float32;

    /// <summary>Opens the model's files and looks whether the adapter can be meant for it; no weight is read. The caller disposes it.</summary>
    /// <exception cref="QLoraException">Either is missing, broken, or they do not fit.</exception>
    public ModelFile Open(CommandContext context)
    {
        var file = ModelFile.Open(context.Need(Model));
        if (Adapter(context) is { } folder) LoraConfig.Load(folder).TargetModules.Match(file.Modules);
        return file;
    }

    /// <summary>Loads the model, and its adapter. The caller disposes both.</summary>
    /// <param name="context">The command's arguments.</param>
    /// <param name="file">What <see cref="Open"/> gave; its weights are unmapped then, so that their pages do not count as this process's memory any longer.</param>
    /// <param name="quantization">Replaces what the command line asks for; null to do what it says.</param>
    /// <param name="memory">The most memory of a GPU that may be taken, in bytes; null for all.</param>
    public LoadedModel Load(CommandContext context, ModelFile file, QuantizationOptions? quantization = null, long? memory = null)
    {
        var backend = Device.Open(context, memory);
        try
        {
            // What was parsed so far would stand below the peak that loading has.
            ProcessMemory.GiveBackGarbage();
            var model = file.Load(backend, quantization ?? Quantization(context), context.Progress("loading the model"));
            model.ComputeDType = ComputeDType(context);
            if (Adapter(context) is { } folder) model.Adapters.Load(folder);
            context.Status.Clear();
            file.Dispose();
            return new LoadedModel(backend, model);
        }
        catch
        {
            backend.Dispose();
            throw;
        }
    }
}
