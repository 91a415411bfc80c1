using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace QLora.Cli.Frame;

/// <summary>From a command line to an exit code: parsing, running, and turning whatever goes wrong into one message.</summary>
/// <param name="commands">The commands, in the order of the help.</param>
internal sealed class Application(params CliCommand[] commands)
{
    /// <summary>Set to see where an error comes from.</summary>
    private const string TraceVariable = "QLORA_STACK_TRACE";

    // An argument that begins with @ is a text like any other, not a file with arguments.
    private static readonly ParserConfiguration Parser = new() { ResponseFileTokenReplacer = null, EnablePosixBundling = false };

    /// <summary>The commands under their root.</summary>
    public Command Root { get; } = CreateRoot(commands);

    /// <summary>Runs a command line.</summary>
    /// <returns>A code of <see cref="ExitCode"/>.</returns>
    public int Run(IReadOnlyList<string> arguments, Terminal terminal, CancellationToken cancellation)
    {
        try
        {
            var code = Run(Parse(arguments), terminal, cancellation);
            terminal.Output.Flush();
            return code;
        }
        catch (Exception failure)
        {
            terminal.WriteError(Describe(failure));
            if (!string.IsNullOrEmpty(Environment.GetEnvironmentVariable(TraceVariable))) terminal.Error.WriteLine(failure);
            return ExitCode.BadInput;
        }
    }

    /// <summary>Parses a command line; where it names a file of options, those that it does not give itself come from there.</summary>
    /// <exception cref="QLoraException">The file of options is not valid.</exception>
    public ParseResult Parse(IReadOnlyList<string> arguments)
    {
        var result = Root.Parse(arguments, Parser);
        if (result.CommandResult.Command is not CliCommand { ConfigOption: { } option } command || result.GetResult(option) is not { Tokens: [{ Value.Length: > 0 } file] }) return result;
        return Root.Parse([.. arguments, .. OptionsFile.Read(file.Value, command, result)], Parser);
    }

    private static int Run(ParseResult result, Terminal terminal, CancellationToken cancellation)
    {
        if (result.Action is ParseErrorAction parseError) return Refuse(result, parseError, terminal);
        if (result.Action is null) return ((CliCommand)result.CommandResult.Command).Run(result, terminal, cancellation);
        return result.Invoke(new InvocationConfiguration { Output = terminal.Output, Error = terminal.Error, EnableDefaultExceptionHandler = false });
    }

    private static int Refuse(ParseResult result, ParseErrorAction action, Terminal terminal)
    {
        var command = result.CommandResult.Command as CliCommand;
        if (command is null) terminal.WriteError(result.UnmatchedTokens.Count > 0 ? $"there is no command '{result.UnmatchedTokens[0]}'" : "a command is needed");
        else foreach (var error in result.Errors.Select(error => error.Message).Distinct()) terminal.WriteError(error);

        // Writes what was perhaps meant, as if it were a result.
        action.ShowHelp = false;
        result.Invoke(new InvocationConfiguration { Output = terminal.Error, Error = TextWriter.Null, EnableDefaultExceptionHandler = false });
        terminal.Error.WriteLine($"See 'qlora {(command is null ? "" : command.Name + " ")}--help'.");
        return ExitCode.WrongCommandLine;
    }

    private static string Describe(Exception failure) => failure switch
    {
        QLoraException => failure.Message,
        IOException or UnauthorizedAccessException => failure.Message,
        OutOfMemoryException => $"out of memory: {failure.Message}",
        _ => $"unexpected {failure.GetType().Name}: {failure.Message} (a mistake in qlora; {TraceVariable}=1 shows where)",
    };

    private static Command CreateRoot(CliCommand[] commands)
    {
        // Not a RootCommand, which is called after the file that runs it, and that is not always qlora.
        var root = new Command("qlora", "Fine-tunes language models with QLoRA: a frozen base in 4 bits, and small LoRA branches that are trained beside it.");
        foreach (var command in commands) root.Subcommands.Add(command.Completed());
        var help = new HelpOption();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        root.Options.Add(help);
        root.Options.Add(new VersionOption());
        return root;
    }
}
