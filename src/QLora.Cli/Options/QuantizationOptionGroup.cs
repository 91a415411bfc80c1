using System.CommandLine;
using QLora.Cli.Frame;
using QLora.Models;
using QLora.Quantization;

namespace QLora.Cli.Options;

/// <summary>How the frozen weights are stored in memory.</summary>
internal sealed class QuantizationOptionGroup : IOptionGroup
{
    private const string None = "none";

    private static readonly QuantizationOptions Default = new();

    private readonly QuantizationOptions _standard;
    private readonly Option<Code?> _type;
    private readonly Option<TrueFalse?> _double = NewOption.Switch("--double-quantization", "Quantise the scales too, to 8 bits [default: true]");
    private readonly Option<int?> _blockSize = NewOption.Parsed<int?>("--quantization-block-size", $"Weights that share a scale [default: {Default.BlockSize}]", "N", text =>
        int.TryParse(text, out var value) && value >= 2 && int.IsPow2(value) ? value : throw new QLoraException($"'{text}' given, expected a power of two from 2 up"));

    /// <summary>The options of a command.</summary>
    /// <param name="standard">What they are where the command line does not say.</param>
    public QuantizationOptionGroup(QuantizationOptions standard)
    {
        _standard = standard;
        var standardWord = standard.Type is null ? None : "nf4";
        _type = NewOption.Choice<Code?>("--quantization", $"How linear weights are stored in memory; a checkpoint in 4 bits stays as it is [default: {standardWord}]",
            ("nf4", Code.Nf4), ("fp4", Code.Fp4), (None, Code.None));
        foreach (var option in new Option[] { _double, _blockSize })
        {
            option.Validators.Add(result =>
            {
                var word = result.GetResult(_type)?.Tokens is [var given] ? given.Value : standardWord;
                if (word == None) result.AddError($"{option.Name} has no effect without --quantization nf4 or fp4");
            });
        }
    }

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
            _ => _standard.Type,
        };
        return new QuantizationOptions(type, context.Get(_blockSize) ?? Default.BlockSize, context.Get(_double) ?? Default.Double);
    }
}
