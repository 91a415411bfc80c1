using System.CommandLine;

namespace QLora.Cli.Frame;

/// <summary>Options that several commands have in common.</summary>
internal interface IOptionGroup
{
    /// <summary>The options, in the order of the help.</summary>
    IEnumerable<Option> All { get; }
}
