using System.Diagnostics;
using System.Text.RegularExpressions;
using QLora.Cli.Demo;
using QLora.EndToEnd.Tests.Cli;
using QLora.Testing;

namespace QLora.EndToEnd.Tests.Readme;

/// <summary>The README does what it says: its commands and its program run as they stand, on the bundled model and a few lines of the bundled data.</summary>
public sealed partial class ReadmeTests : IDisposable
{
    private static readonly string Text = File.ReadAllText(Path.Combine(TestData.Root, "README.md"));

    private readonly TemporaryFolder _folder = new();

    public ReadmeTests()
    {
        var model = Directory.CreateDirectory(_folder["my-model"]).FullName;
        foreach (var file in Directory.EnumerateFiles(DemoFiles.Model)) File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        File.WriteAllLines(_folder["train.jsonl"], File.ReadLines(DemoFiles.TrainingData).Take(40));
        File.WriteAllLines(_folder["eval.jsonl"], File.ReadLines(DemoFiles.EvaluationData).Take(5));
    }

    [Fact]
    public void Its_commands_succeed_one_after_the_other()
    {
        var commands = CommandLine().Matches(Text).Select(match => match.Groups["arguments"].Value).ToList();
        Assert.Contains(commands, command => command.StartsWith("train", StringComparison.Ordinal));
        foreach (var command in commands)
        {
            var info = Qlora.ProcessInfo([.. Word().Matches(command).Select(word => word.Value.Trim('"'))]);
            info.WorkingDirectory = _folder.Path;
            var outcome = Qlora.RunProcess(info);
            Assert.True(outcome.ExitCode == 0, $"qlora {command}: exit code {outcome.ExitCode}: {outcome.Error}");
        }

        Assert.True(File.Exists(_folder["my-adapter/adapter_model.safetensors"]));
        Assert.True(File.Exists(_folder["my-merged-model/model.safetensors"]));
    }

    [Fact]
    public void Its_program_compiles_trains_and_answers()
    {
        File.WriteAllText(_folder["Program.cs"], Program().Match(Text).Groups["program"].Value);
        File.WriteAllText(_folder["example.csproj"], $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <TargetFramework>net10.0</TargetFramework>
                <OutputType>Exe</OutputType>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
              </PropertyGroup>
              <ItemGroup>
                <Reference Include="{AppContext.BaseDirectory}QLora*.dll" Exclude="{AppContext.BaseDirectory}QLora*Test*.dll;{AppContext.BaseDirectory}QLora.Cli.dll" />
                <Reference Include="{AppContext.BaseDirectory}Microsoft.ML.Tokenizers.dll;{AppContext.BaseDirectory}Google.Protobuf.dll;{AppContext.BaseDirectory}System.Numerics.Tensors.dll" />
              </ItemGroup>
            </Project>
            """);
        var outcome = Qlora.RunProcess(new ProcessStartInfo("dotnet", ["run", "--project", _folder["example.csproj"], "-c", "Release"])
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        });

        Assert.True(outcome.ExitCode == 0, outcome.Output + outcome.Error);
        Assert.Contains("trainable params: ", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("tokens/s", outcome.Output, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder["my-csharp-adapter/adapter_model.safetensors"]));
    }

    public void Dispose() => _folder.Dispose();

    [GeneratedRegex(@"^qlora (?<arguments>[a-z].*)$", RegexOptions.Multiline)]
    private static partial Regex CommandLine();

    [GeneratedRegex("\"[^\"]*\"|\\S+")]
    private static partial Regex Word();

    [GeneratedRegex(@"^```csharp\n(?<program>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Program();
}
