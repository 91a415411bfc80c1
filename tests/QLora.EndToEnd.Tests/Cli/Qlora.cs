using System.Diagnostics;
using System.Text;
using System.Text.Json;
using QLora.Cli.Frame;

namespace QLora.EndToEnd.Tests.Cli;

/// <summary>What a command line came to.</summary>
internal sealed record Outcome(int ExitCode, string Output, string Error)
{
    /// <summary>The one JSON object that stdout holds, and nothing else.</summary>
    public JsonElement Json => Assert.Single(JsonLines);

    /// <summary>The lines of stdout, each a JSON value.</summary>
    public IReadOnlyList<JsonElement> JsonLines
    {
        get
        {
            Assert.EndsWith("\n", Output, StringComparison.Ordinal);
            return [.. Output[..^1].Split('\n').Select(line => JsonDocument.Parse(line).RootElement)];
        }
    }

    /// <summary>That the command succeeded.</summary>
    public Outcome Succeeded()
    {
        Assert.True(ExitCode == 0, $"exit code {ExitCode}: {Error}");
        return this;
    }

    /// <summary>That it failed with a code and one message, without results and without a stack trace.</summary>
    /// <param name="code">The exit code.</param>
    /// <param name="words">What the message must say.</param>
    public Outcome Failed(int code, params string[] words)
    {
        Assert.True(code == ExitCode, $"exit code {ExitCode}, expected {code}: {Error}");
        Assert.Empty(Output);
        Assert.StartsWith("error: ", Error.Split('\n').First(line => line.Contains("error", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", Error, StringComparison.Ordinal);
        Assert.DoesNotContain("unexpected", Error, StringComparison.Ordinal);
        foreach (var word in words) Assert.Contains(word, Error, StringComparison.Ordinal);
        return this;
    }
}

/// <summary>Runs qlora, within this process or as one of its own.</summary>
internal static class Qlora
{
    private static readonly string Assembly = typeof(QLora.Cli.Tool).Assembly.Location;

    /// <summary>Runs a command line within this process.</summary>
    public static Outcome Run(params string[] arguments) => RunWith("", CancellationToken.None, arguments);

    /// <summary>Runs a command line within this process, with a text on its standard input.</summary>
    public static Outcome RunWith(string input, params string[] arguments) => RunWith(input, CancellationToken.None, arguments);

    /// <summary>Runs a command line within this process, which may be interrupted.</summary>
    public static Outcome RunWith(string input, CancellationToken cancellation, params string[] arguments) => RunWith(Encoding.UTF8.GetBytes(input), cancellation, arguments);

    /// <summary>Runs a command line within this process, with bytes on its standard input.</summary>
    public static Outcome RunWith(byte[] input, CancellationToken cancellation, params string[] arguments)
    {
        using StringWriter output = new() { NewLine = "\n" }, error = new() { NewLine = "\n" };
        using var terminal = new Terminal(new MemoryStream(input), output, error);
        return RunOn(terminal, cancellation, arguments);
    }

    /// <summary>Runs a command line within this process, as if a person typed the input and read the rest.</summary>
    public static Outcome RunOnTerminal(string input, params string[] arguments)
    {
        using StringWriter output = new() { NewLine = "\n" }, error = new() { NewLine = "\n" };
        using var terminal = new Terminal(new MemoryStream(Encoding.UTF8.GetBytes(input)), output, error)
        {
            InputIsTerminal = true, OutputIsTerminal = true, ErrorIsTerminal = true, UseColors = true,
        };
        return RunOn(terminal, CancellationToken.None, arguments);
    }

    private static Outcome RunOn(Terminal terminal, CancellationToken cancellation, string[] arguments)
    {
        var code = QLora.Cli.Tool.Create().Run(arguments, terminal, cancellation);
        return new Outcome(code, terminal.Output.ToString()!, terminal.Error.ToString()!);
    }

    /// <summary>How to start qlora as a process of its own, its streams redirected.</summary>
    public static ProcessStartInfo ProcessInfo(params string[] arguments)
    {
        var info = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments.Prepend(Assembly)) info.ArgumentList.Add(argument);
        return info;
    }

    /// <summary>Runs a process to its end.</summary>
    public static Outcome RunProcess(ProcessStartInfo info)
    {
        using var process = Process.Start(info)!;
        process.StandardInput.Close();
        return Finish(process);
    }

    /// <summary>Waits for the end of a process.</summary>
    public static Outcome Finish(Process process)
    {
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(TimeSpan.FromMinutes(5)))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"qlora does not end: {error.Result}");
        }

        return new Outcome(process.ExitCode, output.Result, error.Result);
    }
}
