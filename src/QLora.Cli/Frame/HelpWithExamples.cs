using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace QLora.Cli.Frame;

/// <summary>The usual help, and after it the command's examples.</summary>
/// <param name="usual">The usual help.</param>
internal sealed class HelpWithExamples(HelpAction usual) : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var code = usual.Invoke(parseResult);
        if (parseResult.CommandResult.Command is not CliCommand command) return code;
        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (var example in command.Examples)
        {
            output.WriteLine($"  # {example.Does}");
            output.WriteLine($"  {example.CommandLine}");
        }

        output.WriteLine();
        return code;
    }
}
