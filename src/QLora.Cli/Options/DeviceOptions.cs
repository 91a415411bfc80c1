using System.CommandLine;
using QLora.Backends;
using QLora.Cli.Frame;
using QLora.Models;
using QLora.Planning;

namespace QLora.Cli.Options;

/// <summary>What a command runs on.</summary>
internal sealed class DeviceOptions : IOptionGroup
{
    private readonly Option<string?> _device = NewOption.Name("--device", $"What to run on; see qlora devices [default: {Devices.Auto}]", Devices.Names, Devices.IsName);
    private readonly Option<int?> _threads = NewOption.Integer("--threads", "Threads of the device [default: one per core]");

    /// <inheritdoc/>
    public IEnumerable<Option> All => [_device, _threads];

    /// <summary>The name of the device.</summary>
    public string Name(CommandContext context) => context.Get(_device) ?? Devices.Auto;

    /// <summary>Opens the device. The caller disposes it.</summary>
    /// <param name="context">The command's arguments.</param>
    /// <param name="memory">The most memory of a GPU that may be taken, in bytes; null for all.</param>
    public Backend Open(CommandContext context, long? memory = null) => Devices.Open(Name(context), context.Get(_threads), memory);

    /// <summary>What plans runs of a model on the device, which need not be there if it is a GPU.</summary>
    /// <param name="context">The command's arguments.</param>
    /// <param name="file">The model.</param>
    /// <param name="quantization">How it would be loaded.</param>
    /// <param name="memory">How much memory there is, in bytes.</param>
    public MemoryPlanner Planner(CommandContext context, ModelFile file, QuantizationOptions quantization, long memory)
    {
        if (Devices.WorkspacesOf(Name(context), memory) is { } workspaces) return new MemoryPlanner(file, workspaces, quantization);
        using var backend = Open(context);
        return new MemoryPlanner(file, backend, quantization);
    }

    /// <summary>The threads that work.</summary>
    public int Threads(CommandContext context) => context.Get(_threads) ?? Environment.ProcessorCount;
}
