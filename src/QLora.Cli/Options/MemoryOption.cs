using System.CommandLine;
using QLora.Cli.Frame;

namespace QLora.Cli.Options;

/// <summary>The option that says how much memory there is.</summary>
internal static class MemoryOption
{
    /// <summary>A new one for a command.</summary>
    public static Option<long?> New(string description) => NewOption.Parsed<long?>("--memory", description, "SIZE", text => MemorySize.Parse(text));
}
