using System.CommandLine;
using System.CommandLine.Parsing;
using QLora.Cli.Frame;

namespace QLora.Cli.Options;

/// <summary>What of a model is trained.</summary>
internal enum Method
{
    /// <summary>An adapter.</summary>
    Lora,
    /// <summary>Every weight.</summary>
    Full,
}

/// <summary>The option that says what of a model is trained.</summary>
internal static class MethodOption
{
    /// <summary>A new one for a command.</summary>
    public static Option<Method?> New() => NewOption.Choice<Method?>("--method", "Train an adapter, or every weight of the model in full precision [default: lora]", ("lora", Method.Lora), ("full", Method.Full));

    /// <summary>Whether a command line asks for every weight.</summary>
    public static bool IsFull(this CommandResult result, Option<Method?> option) => result.GetResult(option)?.Tokens is [{ Value: "full" }];
}
