using System.CommandLine;
using QLora.Cli.Frame;
using QLora.Data;

namespace QLora.Cli.Options;

/// <summary>How lines of data become examples.</summary>
internal sealed class DataOptions : IOptionGroup
{
    private static readonly DatasetOptions Default = new();

    private readonly Option<LossOn?> _lossOn = NewOption.Choice<LossOn?>("--loss-on",
        "Tokens that are learnt: every assistant turn, the completion (the last turn), or all [default: what suits each line]",
        ("assistant", LossOn.Assistant), ("completion", LossOn.Completion), ("all", LossOn.All));

    private readonly Option<int?> _maxLength = NewOption.Integer("--max-length", $"Tokens that an example may have; of a longer one the front is kept [default: {Default.MaxLength}]", minimum: 2);

    /// <inheritdoc/>
    public IEnumerable<Option> All => [_lossOn, _maxLength];

    /// <summary>What makes examples for a model.</summary>
    public ExampleBuilder Builder(CommandContext context, ModelText text)
        => text.Builder(new DatasetOptions { LossOn = context.Get(_lossOn), MaxLength = MaxLength(context) });

    /// <summary>Tokens that an example may have.</summary>
    public int MaxLength(CommandContext context) => context.Get(_maxLength) ?? Default.MaxLength;

    /// <summary>Reads a data file.</summary>
    /// <param name="context">The command.</param>
    /// <param name="builder">What makes examples of it.</param>
    /// <param name="path">The file.</param>
    /// <param name="what">What it holds, for messages: <c>training data</c>.</param>
    public static Dataset Load(CommandContext context, ExampleBuilder builder, string path, string what)
    {
        InputFile.Check(path, what);
        context.Status.Show($"reading {path}");
        var data = Dataset.Load(path, builder);
        context.Cancellation.ThrowIfCancellationRequested();
        context.Note($"{what}: {Numbers.Count(data.Examples.Count)} examples, {Numbers.Count(data.Tokens)} tokens, {Numbers.Count(data.SupervisedTokens)} of them supervised");
        if (data.TruncatedExamples > 0) context.Note($"{what}: {Numbers.Count(data.TruncatedExamples)} examples are longer than --max-length {builder.MaxLength} and lose their end");
        return data;
    }
}
