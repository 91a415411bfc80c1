using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace QLora.Cli.Frame;

/// <summary>What a command is run with: its arguments, and where its results and messages go.</summary>
/// <param name="arguments">The arguments.</param>
/// <param name="terminal">The streams.</param>
/// <param name="json">Whether results are JSON.</param>
/// <param name="cancellation">Set when the user interrupts the command.</param>
internal sealed class CommandContext(ParseResult arguments, Terminal terminal, bool json, CancellationToken cancellation) : IDisposable
{
    // Text is meant to be read: only what JSON itself demands is escaped.
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The streams.</summary>
    public Terminal Terminal => terminal;

    /// <summary>Whether results are JSON.</summary>
    public bool Json => json;

    /// <summary>Set when the user interrupts the command.</summary>
    public CancellationToken Cancellation => cancellation;

    /// <summary>How far a long work is.</summary>
    public StatusLine Status { get; } = new(terminal);

    /// <summary>What an interruption leaves behind, for the message of one; null for a command that writes no files.</summary>
    public string? LeftOnDisk { get; set; }

    /// <summary>The value of an option; null or false where it was not given.</summary>
    public T? Get<T>(Option<T> option) => arguments.GetValue(option);

    /// <summary>The value of an option of true or false; null where it was not given.</summary>
    public bool? Get(Option<TrueFalse?> option) => arguments.GetValue(option) is { } value ? value == TrueFalse.True : null;

    /// <summary>The value of an option that the parser insists on.</summary>
    public T Need<T>(Option<T?> option) where T : class => arguments.GetRequiredValue(option)!;

    /// <summary>Whether an option was given.</summary>
    public bool IsGiven(Option option) => arguments.GetResult(option) is { Implicit: false };

    /// <summary>The value of an argument.</summary>
    public T Get<T>(Argument<T> argument) => arguments.GetRequiredValue(argument);

    /// <summary>Writes a message for people.</summary>
    public void Note(string message) => Status.Write(message);

    /// <summary>Writes one JSON value, on a line of its own.</summary>
    public void WriteJson(JsonNode value)
    {
        Status.Clear();
        terminal.WritePiece(value.ToJsonString(Readable) + "\n");
    }

    /// <summary>Writes the command's result: as JSON, or for people.</summary>
    public void Result(JsonObject forScripts, Action<IAnsiConsole> forPeople)
    {
        Status.Clear();
        if (json) WriteJson(forScripts);
        else forPeople(terminal.Console);
    }

    /// <summary>Tells how far a work is, and stops it when the user interrupts.</summary>
    /// <param name="what">What is going on: <c>loading the model</c>.</param>
    public IProgress<double> Progress(string what) => new ShareProgress(this, what);

    /// <summary>Takes the status line away.</summary>
    public void Dispose() => Status.Clear();

    private sealed class ShareProgress(CommandContext context, string what) : IProgress<double>
    {
        public void Report(double share)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Status.Show($"{what} {share:P0}");
        }
    }
}
