using System.CommandLine;
using QLora.Adapters;
using QLora.Cli.Frame;

namespace QLora.Cli.Options;

/// <summary>The settings of a new adapter, named after PEFT's <c>LoraConfig</c>.</summary>
internal sealed class LoraOptions : IOptionGroup
{
    private static readonly LoraConfig Default = new();

    private readonly Option<int?> _rank = NewOption.Integer("--rank", $"Inner size of the LoRA branches [default: {Default.Rank}]");
    private readonly Option<double?> _alpha = NewOption.Number("--alpha", $"The branches are scaled by alpha / rank [default: {Default.Alpha}]", "a number above 0", value => value > 0);
    private readonly Option<double?> _dropout = NewOption.Number("--dropout", $"Share of a branch's input dropped in training [default: {Default.Dropout}]", "a number from 0 to below 1",
        value => value is >= 0 and < 1);
    private readonly Option<TargetModules?> _targets = NewOption.Parsed<TargetModules>("--target-modules", $"Layers that carry a branch: {Default.TargetModules}, names with commas between, "
        + $"or a regular expression for their whole path [default: {Default.TargetModules}]", "all-linear|NAMES|REGEX", TargetModules.Parse);
    private readonly Option<bool> _rsLora = NewOption.Flag("--use-rslora", "Scale by alpha / √rank instead (rsLoRA)");

    /// <inheritdoc/>
    public IEnumerable<Option> All => [_rank, _alpha, _dropout, _targets, _rsLora];

    /// <summary>Whether any of them was given.</summary>
    public bool IsGiven(CommandContext context) => All.Any(context.IsGiven);

    /// <summary>The settings that the command line asks for.</summary>
    public LoraConfig Read(CommandContext context) => new()
    {
        Rank = context.Get(_rank) ?? Default.Rank,
        Alpha = (float)(context.Get(_alpha) ?? Default.Alpha),
        Dropout = (float)(context.Get(_dropout) ?? Default.Dropout),
        TargetModules = context.Get(_targets) ?? Default.TargetModules,
        UseRsLora = context.Get(_rsLora),
    };
}
