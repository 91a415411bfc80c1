using System.CommandLine;
using QLora.Cli.Frame;
using QLora.Cli.Options;
using QLora.Models;

namespace QLora.Cli.Commands;

/// <summary><c>qlora tokenize</c>: text to token ids.</summary>
internal sealed class TokenizeCommand : CliCommand
{
    private readonly Option<string?> _model = ModelOptions.ModelOption();
    private readonly Option<bool> _lines = NewOption.Flag("--jsonl", "Read a JSON string a line, and write an array a line");
    private readonly Option<bool> _special = NewOption.Flag("--add-special-tokens", "Add what the tokenizer puts around a text, such as a beginning-of-text token");

    public TokenizeCommand() : base("tokenize", "Turn text on standard input into token ids: a JSON array")
    {
        Add(_model);
        Add(_lines);
        Add(_special);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("A text, with the end of its line", "echo \"Hello, world\" | qlora tokenize --model my-model"),
        new("Many texts", "qlora tokenize --model my-model --jsonl < texts.jsonl > ids.jsonl"),
    ];

    /// <inheritdoc/>
    protected override int Run(CommandContext context)
    {
        using var file = ModelFile.Open(context.Need(_model));
        var tokenizer = ModelText.Of(file).Tokenizer;
        var input = context.Terminal.ReadInput(context.Cancellation);
        foreach (var text in context.Get(_lines) ? JsonStrings.ParseLines(input, "standard input") : [input])
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Terminal.Output.Write($"[{string.Join(',', tokenizer.Encode(text, context.Get(_special)).Ids)}]\n");
        }

        return ExitCode.Success;
    }
}
