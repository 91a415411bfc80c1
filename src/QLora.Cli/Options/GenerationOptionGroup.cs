using System.CommandLine;
using QLora.Cli.Frame;
using QLora.Generation;

namespace QLora.Cli.Options;

/// <summary>How text is generated, named after transformers.</summary>
internal sealed class GenerationOptionGroup : IOptionGroup
{
    private static readonly GenerationOptions Default = new();

    private readonly Option<int?> _maxNewTokens = NewOption.Integer("--max-new-tokens", $"Tokens of an answer at most [default: {Default.MaxNewTokens}]");
    private readonly Option<double?> _temperature = NewOption.Number("--temperature", $"0 takes the most likely token each time; higher is freer [default: {Default.Temperature}]", "a number from 0 up", value => value >= 0);
    private readonly Option<int?> _topK = NewOption.Integer("--top-k", "Choose among the K most likely tokens only [default: all]");
    private readonly Option<double?> _topP = NewOption.Number("--top-p", "Choose among the most likely tokens that together have this probability [default: all]", "a number above 0 and at most 1", value => value is > 0 and <= 1);
    private readonly Option<double?> _minP = NewOption.Number("--min-p", "Choose among tokens at least this many times as likely as the most likely one [default: all]", "a number from 0 to 1", value => value is >= 0 and <= 1);
    private readonly Option<double?> _penalty = NewOption.Number("--repetition-penalty", $"How much less likely tokens become that stand there already [default: {Default.RepetitionPenalty}]", "a number above 0", value => value > 0);
    private readonly Option<ulong?> _seed = NewOption.Seed("--seed", $"What choices are made from; the same seed gives the same text [default: {Default.Seed}]");
    private readonly Option<string[]> _stops = NewOption.Texts("--stop", "A text before which an answer ends; may be given several times", "TEXT");

    /// <inheritdoc/>
    public IEnumerable<Option> All => [_maxNewTokens, _temperature, _topK, _topP, _minP, _penalty, _seed, _stops];

    /// <summary>The settings that the command line asks for.</summary>
    public GenerationOptions Read(CommandContext context, IReadOnlyList<int> stopTokens)
    {
        var options = Parse(context, stopTokens);
        var idle = new Option[] { _topK, _topP, _minP, _seed }.Where(context.IsGiven).Select(option => option.Name).ToList();
        if (options.Temperature == 0 && idle.Count > 0) context.Note($"note: {string.Join(", ", idle)} have no effect at --temperature 0, which takes the most likely token each time");
        return options;
    }

    /// <summary>The texts that end an answer.</summary>
    public IReadOnlyList<string> Stops(CommandContext context) => context.Get(_stops) ?? [];

    private GenerationOptions Parse(CommandContext context, IReadOnlyList<int> stopTokens) => new()
    {
        MaxNewTokens = context.Get(_maxNewTokens) ?? Default.MaxNewTokens,
        Temperature = context.Get(_temperature) ?? Default.Temperature,
        TopK = context.Get(_topK),
        TopP = context.Get(_topP),
        MinP = context.Get(_minP),
        RepetitionPenalty = context.Get(_penalty) ?? Default.RepetitionPenalty,
        Seed = context.Get(_seed) ?? Default.Seed,
        StopTokens = stopTokens,
    };
}
