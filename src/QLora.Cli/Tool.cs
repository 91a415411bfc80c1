using QLora.Cli.Commands;
using QLora.Cli.Frame;

namespace QLora.Cli;

/// <summary>The commands of <c>qlora</c>, in the order of its help.</summary>
internal static class Tool
{
    /// <summary>The application with all of them.</summary>
    public static Application Create() => new(
        new DemoCommand(),
        new TrainCommand(),
        new GenerateCommand(),
        new EvaluateCommand(),
        new MergeCommand(),
        new ExportCommand(),
        new PlanCommand(),
        new InspectCommand(),
        new TokenizeCommand(),
        new PreviewCommand(),
        new VerifyCommand(),
        new BenchCommand(),
        new DevicesCommand(),
        new InitCommand());
}
