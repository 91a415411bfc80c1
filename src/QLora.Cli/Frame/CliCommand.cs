using System.CommandLine;
using System.CommandLine.Parsing;

namespace QLora.Cli.Frame;

/// <summary>A command of qlora: its options, the examples of its help, and what it does.</summary>
internal abstract class CliCommand : Command
{
    private readonly Option<bool> _json = NewOption.Flag("--json", "Print machine-readable JSON on stdout and nothing else there");

    protected CliCommand(string name, string description) : base(name, description) { }

    /// <summary>The examples of its help.</summary>
    public abstract IReadOnlyList<Example> Examples { get; }

    /// <summary>The option that names a file with further options; null for a command without one.</summary>
    public virtual Option<string?>? ConfigOption => null;

    /// <summary>Does what the command line asks for.</summary>
    /// <returns>A code of <see cref="ExitCode"/>.</returns>
    /// <exception cref="QLoraException">Something that the user can mend.</exception>
    /// <exception cref="OperationCanceledException">The user interrupted it.</exception>
    protected abstract int Run(CommandContext context);

    /// <summary>Adds the options of a group.</summary>
    protected void Add(IOptionGroup group)
    {
        foreach (var option in group.All) Add(option);
    }

    /// <summary>Makes a command line wrong: the message says what to write instead.</summary>
    protected void Refuse(Func<CommandResult, bool> isWrong, string message) => Validators.Add(result =>
    {
        if (isWrong(result)) result.AddError(message);
    });

    /// <summary>Whether one of some options was given.</summary>
    protected static bool IsGiven(CommandResult result, params Option[] options) => options.Any(option => result.GetResult(option) is { Implicit: false });

    /// <summary>Adds the options that every command has, after those of its own.</summary>
    public CliCommand Completed()
    {
        Options.Add(_json);
        return this;
    }

    public int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        using var context = new CommandContext(arguments, terminal, arguments.GetValue(_json), cancellation);
        try
        {
            return Run(context);
        }
        catch (OperationCanceledException)
        {
            context.Status.Clear();
            terminal.Error.WriteLine(context.LeftOnDisk is { } left ? $"interrupted; {left}" : "interrupted");
            return ExitCode.Interrupted;
        }
    }
}
