using System.CommandLine;
using QLora.Cli.Frame;
using QLora.Models;
using QLora.Quantization;

namespace QLora.Cli.Options;

/// <summary>How the frozen weights are stored in memory.</summary>
/// <param name="standard">What they are where the command line does not say.</param>
internal sealed class QuantizationOptionGroup(QuantizationOptions standard) : IOptionGroup
{
    private static readonly QuantizationOptions Default = new();

    private readonly Option<Code?> _type = NewOption.Choice<Code?>("--quantization",
        $"How linear weights are stored in memory; a checkpoint in 4 bits stays as it is [default: {(standard.Type is null ? "none" : "nf4")}]",
        ("nf4", Code.Nf4), ("fp4", Code.Fp4), ("none", Code.None));

    private readonly Option<TrueFalse?> _double = NewOption.Switch("--double-quantization", "Quantise the scales too, to 8 bits [default: true]");

    private readonly Option<int?> _blockSize = NewOption.Parsed<int?>("--quantization-block-size", $"Weights that share a scale [default: {Default.BlockSize}]", "N", text =>
        int.TryParse(text, out var value) && value >= 2 && int.IsPow2(value) ? value : throw new QLoraException($"'{text}' given, expected a power of two from 2 up"));

    private enum Code { Nf4, Fp4, None }

    /// <inheritdoc/>
    public IEnumerable<Option> All => [_type, _double, _blockSize];

    /// <summary>What the command line asks for.</summary>
    public QuantizationOptions Read(CommandContext context)
    {
        var type = context.Get(_type) switch
        {
            Code.Nf4 => QuantizationType.Nf4,
            Code.Fp4 => QuantizationType.Fp4,
            Code.None => (QuantizationType?)null,
            _ => standard.Type,
        };
        return new QuantizationOptions(type, context.Get(_blockSize) ?? Default.BlockSize, context.Get(_double) ?? Default.Double);
    }
}
