using System.CommandLine;
using QLora.Cli.Frame;
using QLora.Tensors;

namespace QLora.Cli.Options;

/// <summary>In what precision a model is written.</summary>
/// <param name="standard">Where the command line does not say.</param>
internal sealed class DTypeOption(DType standard) : IOptionGroup
{
    private readonly Option<DType?> _dtype = NewOption.Choice<DType?>("--dtype", $"Precision of the written weights [default: {standard.ToString().ToLowerInvariant()}]",
        ("float32", DType.Float32), ("bfloat16", DType.BFloat16));

    /// <inheritdoc/>
    public IEnumerable<Option> All => [_dtype];

    /// <summary>What the command line asks for.</summary>
    public DType Read(CommandContext context) => context.Get(_dtype) ?? standard;
}
