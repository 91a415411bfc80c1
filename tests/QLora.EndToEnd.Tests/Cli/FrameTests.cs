using System.CommandLine;
using System.CommandLine.Parsing;
using QLora.Cli;
using QLora.Cli.Frame;
using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

/// <summary>What holds for every command: help, exit codes, messages, streams.</summary>
public class FrameTests
{
    private static IEnumerable<CliCommand> Commands => Tool.Create().Root.Subcommands.Cast<CliCommand>();

    public static TheoryData<string> CommandNames => [.. Commands.Select(command => command.Name)];

    [Fact]
    public void Every_command_of_the_design_is_there()
        => Assert.Subset(Commands.Select(command => command.Name).ToHashSet(),
            new HashSet<string> { "train", "generate", "evaluate", "merge", "inspect", "tokenize", "preview", "verify", "bench", "devices", "init" });

    [Theory, MemberData(nameof(CommandNames))]
    public void Help_has_examples_that_parse(string name)
    {
        var help = Qlora.Run(name, "--help").Succeeded();
        Assert.Empty(help.Error);
        Assert.Contains($"qlora {name}", help.Output, StringComparison.Ordinal);
        Assert.Contains("--json", help.Output, StringComparison.Ordinal);

        var examples = Commands.Single(command => command.Name == name).Examples;
        Assert.NotEmpty(examples);
        foreach (var example in examples)
        {
            Assert.Contains($"  {example.CommandLine}\n", help.Output, StringComparison.Ordinal);
            var arguments = CommandLineParser.SplitCommandLine(example.CommandLine[example.CommandLine.IndexOf("qlora ", StringComparison.Ordinal)..]).Skip(1).TakeWhile(word => word is not ("<" or ">" or "|"));
            AssertParses([.. arguments], example.CommandLine);
        }
    }

    private static void AssertParses(string[] arguments, string line)
    {
        // A file of options brings what the line leaves out; the file of an example is not there.
        var config = Array.IndexOf(arguments, "--config");
        var result = Tool.Create().Root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        var errors = result.Errors.Where(error => config < 0 || !error.Message.Contains("is required", StringComparison.Ordinal)).ToList();
        Assert.True(errors.Count == 0, $"{line}: {string.Join("; ", errors.Select(error => error.Message))}");
    }

    [Theory, MemberData(nameof(CommandNames))]
    public void Every_option_says_what_it_does_and_no_more_than_that(string name)
    {
        foreach (var option in Commands.Single(command => command.Name == name).Options)
        {
            Assert.False(string.IsNullOrWhiteSpace(option.Description), $"{name} {option.Name}");
            Assert.Matches("^--[a-z]+(-[a-z]+)*$", option.Name);
        }
    }

    [Fact]
    public void Help_without_a_command_lists_the_commands()
    {
        var help = Qlora.Run("--help").Succeeded();
        foreach (var command in Commands) Assert.Contains(command.Name, help.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_command_lines_end_with_2()
    {
        Qlora.Run().Failed(2, "a command is needed");
        Qlora.Run("trian").Failed(2, "trian", "train");
        Qlora.Run("devices", "--jsn").Failed(2, "--jsn", "--json");
        Qlora.Run("devices", "left-over").Failed(2, "left-over");
        Qlora.Run("train", "--data", "x").Failed(2, "--model", "--output");
        Qlora.Run("inspect").Failed(2);
        Qlora.Run("inspect", "x", "--rank").Failed(2, "--rank");
        Qlora.Run("inspect", "x", "--rank", "4", "--rank", "8").Failed(2, "--rank");
        Qlora.Run("verify", "--model", "m", "--reference", "r", "--double-quantization", "false").Failed(2, "--double-quantization has no effect without --quantization");
        Qlora.Run("evaluate", "--model", "m", "--data", "d", "--quantization", "none", "--quantization-block-size", "32").Failed(2, "--quantization-block-size has no effect");
    }

    [Theory]
    [InlineData("--rank", "0", "a whole number from 1 up")]
    [InlineData("--rank", "many", "a whole number from 1 up")]
    [InlineData("--rank", "99999999999", "a whole number from 1 up")]
    [InlineData("--alpha", "-1", "a number above 0")]
    [InlineData("--alpha", "NaN", "a number above 0")]
    [InlineData("--dropout", "1", "from 0 to below 1")]
    [InlineData("--target-modules", "(", "regular expression")]
    [InlineData("--target-modules", ",", "target_modules is empty")]
    [InlineData("--quantization", "int8", "nf4, fp4 or none")]
    [InlineData("--double-quantization", "yes", "true or false")]
    [InlineData("--quantization-block-size", "48", "a power of two")]
    [InlineData("--max-length", "1", "a whole number from 2 up")]
    [InlineData("--batch-size", "0", "a whole number from 1 up")]
    [InlineData("--epochs", "0", "a number above 0")]
    [InlineData("--learning-rate", "1e999", "a number from 0 up")]
    [InlineData("--lr-scheduler", "cosin", "cosine, linear or constant")]
    [InlineData("--warmup-steps", "-1", "a whole number from 0 up")]
    [InlineData("--optimizer", "sgd", "adamw, adamw8bit, paged_adamw or paged_adamw8bit")]
    [InlineData("--loss-on", "prompt", "assistant, completion or all")]
    [InlineData("--device", "gpu", "auto, cpu, reference, cuda:N, opencl:N or ilgpu-cpu")]
    [InlineData("--threads", "0", "a whole number from 1 up")]
    [InlineData("--method", "qlora", "lora or full")]
    [InlineData("--seed", "-3", "a whole number from 0 up")]
    public void A_wrong_value_lists_the_right_ones(string option, string value, string expected)
        => Qlora.Run("train", "--model", "m", "--data", "d", "--output", "o", $"{option}={value}").Failed(2, option, expected);

    [Fact]
    public void An_interruption_ends_with_130_and_says_what_is_there()
    {
        using var folder = new TemporaryFolder();
        var outcome = Qlora.RunWith("", new CancellationToken(canceled: true), "merge", "--model", TinyData.Model, "--adapter", TinyData.Adapter, "--output", folder["merged"]);
        Assert.Equal(130, outcome.ExitCode);
        Assert.Contains("interrupted; nothing was written", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder["merged"]));
    }

    [Fact]
    public void The_process_writes_results_to_stdout_and_messages_to_stderr()
    {
        var help = Qlora.RunProcess(Qlora.ProcessInfo("--help"));
        Assert.Equal((0, ""), (help.ExitCode, help.Error));
        var wrong = Qlora.RunProcess(Qlora.ProcessInfo("inspect", "/no/such/model", "--json"));
        wrong.Failed(3, "/no/such/model", "expected a folder with config.json or a .gguf file");
        Assert.Single(wrong.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void There_is_no_colour_where_there_is_no_terminal()
    {
        var inspect = Qlora.RunProcess(Qlora.ProcessInfo("inspect", TinyData.Model, "--rank", "8"));
        Assert.Equal(0, inspect.ExitCode);
        Assert.DoesNotContain('\e', inspect.Output);
        Assert.DoesNotContain('\e', inspect.Error);
        Assert.DoesNotContain(" \n", inspect.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void On_a_terminal_there_is_colour_unless_NO_COLOR_is_set()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/script"), "script(1), which gives a process a terminal, is not on this machine");
        Assert.Contains("\e[31m", OnTerminal("env -u NO_COLOR TERM=xterm ", "inspect /no/such/model"), StringComparison.Ordinal);
        Assert.DoesNotContain("\e[31m", OnTerminal("NO_COLOR=1 TERM=xterm ", "inspect /no/such/model"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_closed_pipe_is_no_error()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the test writes a shell pipe");
        using var folder = new TemporaryFolder();
        var inspect = Qlora.ProcessInfo("inspect", TinyData.Model, "--tensors");
        var words = string.Join(' ', inspect.ArgumentList.Select(word => $"'{word}'"));
        var shell = new System.Diagnostics.ProcessStartInfo("bash", ["-c", $"set -o pipefail; dotnet {words} | true"])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        var outcome = Qlora.RunProcess(shell);
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
    }

    [Fact]
    public void A_full_disk_is_an_error()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/dev/full is a file of Linux");
        var words = string.Join(' ', Qlora.ProcessInfo("devices", "--json").ArgumentList.Select(word => $"'{word}'"));
        var outcome = Qlora.RunProcess(new System.Diagnostics.ProcessStartInfo("bash", ["-c", $"dotnet {words} > /dev/full"])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        });
        outcome.Failed(3, "No space left");
    }

    private static string OnTerminal(string variables, string commandLine)
    {
        var info = Qlora.ProcessInfo();
        var shell = new System.Diagnostics.ProcessStartInfo("/usr/bin/script", ["-qec", $"{variables}TERM=xterm dotnet {info.ArgumentList[0]} {commandLine}", "/dev/null"])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        return Qlora.RunProcess(shell).Output;
    }
}
