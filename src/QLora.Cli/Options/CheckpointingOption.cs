using System.CommandLine;
using QLora.Autograd;
using QLora.Backends;
using QLora.Cli.Frame;

namespace QLora.Cli.Options;

/// <summary>What blocks keep for the backward pass.</summary>
/// <param name="standard">Where the command line does not say.</param>
internal sealed class CheckpointingOption(GradientCheckpointing standard) : IOptionGroup
{
    private static readonly (string Word, GradientCheckpointing? Value)[] Words =
        [("true", GradientCheckpointing.Recompute), ("false", GradientCheckpointing.None), ("offload", GradientCheckpointing.Offload)];

    private readonly Option<GradientCheckpointing?> _checkpointing = NewOption.Choice("--gradient-checkpointing",
        "Run each block again in the backward pass instead of keeping what it computed: less memory, more time, the same numbers; "
        + $"offload keeps what is left of it in the host's memory instead of a GPU's [default: {Word(standard)}]", Words);

    /// <inheritdoc/>
    public IEnumerable<Option> All => [_checkpointing];

    /// <summary>What the command line asks for.</summary>
    /// <param name="context">The command's arguments.</param>
    /// <param name="device">What the command runs on, by its name.</param>
    /// <exception cref="QLoraException">Offloading on a device that computes in the memory of the process.</exception>
    public GradientCheckpointing Read(CommandContext context, string device) => (context.Get(_checkpointing) ?? standard).CheckedFor(Devices.HasOwnMemory(device));

    /// <summary>The word that stands for it.</summary>
    public static string Word(GradientCheckpointing checkpointing) => Words.First(word => word.Value == checkpointing).Word;
}
