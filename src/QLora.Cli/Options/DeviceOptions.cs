using System.CommandLine;
using QLora.Backends;
using QLora.Cli.Frame;

namespace QLora.Cli.Options;

/// <summary>What a command runs on.</summary>
internal sealed class DeviceOptions : IOptionGroup
{
    private readonly Option<string?> _device = NewOption.Name("--device", $"What to run on; see qlora devices [default: {Devices.Auto}]", Devices.Names, Devices.IsName);
    private readonly Option<int?> _threads = NewOption.Integer("--threads", "Threads of the device [default: one per core]");

    /// <inheritdoc/>
    public IEnumerable<Option> All => [_device, _threads];

    /// <summary>Opens the device. The caller disposes it.</summary>
    public Backend Open(CommandContext context) => Devices.Open(context.Get(_device) ?? Devices.Auto, context.Get(_threads));

    /// <summary>The threads that work.</summary>
    public int Threads(CommandContext context) => context.Get(_threads) ?? Environment.ProcessorCount;
}
