namespace QLora.Cli.Frame;

/// <summary>A line of the Examples section of a command's help. Tests parse each.</summary>
/// <param name="Does">What it does.</param>
/// <param name="CommandLine">How it is written in a shell.</param>
internal sealed record Example(string Does, string CommandLine);
