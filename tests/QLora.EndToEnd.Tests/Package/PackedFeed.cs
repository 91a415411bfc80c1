using System.Diagnostics;
using System.Reflection;
using QLora.EndToEnd.Tests.Cli;
using QLora.Testing;

namespace QLora.EndToEnd.Tests.Package;

/// <summary>QLora packed into a feed, and a project outside the repository that uses the package; made once for all tests.</summary>
public sealed class PackedFeed : IDisposable
{
    private static readonly string Consumer = Path.Combine(TestData.Root, "tests", "QLora.EndToEnd.Tests", "Package", "Consumer");
    private static readonly string Configuration = Directory.GetParent(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar))!.Name;

    // The packages that the repository itself was restored with: what QLora depends on is among them.
    private static readonly string MachinePackages = typeof(PackedFeed).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "NuGetPackageRoot").Value!;

    public PackedFeed()
    {
        Succeed("pack", Path.Combine(TestData.Root, "src", "QLora"), "--no-build", "--configuration", Configuration, "--output", Folder["feed"]);
        File.WriteAllText(Folder["nuget.config"], $"""
            <configuration>
              <packageSources><clear /><add key="feed" value="feed" /><add key="machine" value="{MachinePackages}" /></packageSources>
              <packageSourceMapping>
                <packageSource key="feed"><package pattern="QLora*" /></packageSource>
                <packageSource key="machine"><package pattern="*" /></packageSource>
              </packageSourceMapping>
            </configuration>
            """);
        File.WriteAllText(Folder["consumer.csproj"], """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <TargetFramework>net10.0</TargetFramework>
                <OutputType>Exe</OutputType>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <OutputPath>bin</OutputPath>
                <AppendTargetFrameworkToOutputPath>false</AppendTargetFrameworkToOutputPath>
              </PropertyGroup>
            </Project>
            """);
        Succeed("add", Folder["consumer.csproj"], "package", "QLora");
    }

    /// <summary>The project's folder.</summary>
    public TemporaryFolder Folder { get; } = new();

    /// <summary>Builds the project.</summary>
    /// <param name="before">A part of the model's declaration.</param>
    /// <param name="after">What stands there instead.</param>
    internal Outcome Build(string before = "", string after = "")
    {
        foreach (var file in Directory.EnumerateFiles(Consumer)) File.Copy(file, Folder[Path.GetFileName(file)], overwrite: true);
        var declaration = File.ReadAllText(Folder["TandemModel.cs"]);
        Assert.Contains(before, declaration, StringComparison.Ordinal);
        if (before.Length > 0) File.WriteAllText(Folder["TandemModel.cs"], declaration.Replace(before, after, StringComparison.Ordinal));
        return Dotnet("build", Folder["consumer.csproj"], "--no-restore", "--nologo");
    }

    /// <summary>Runs a command of dotnet.</summary>
    internal Outcome Dotnet(params string[] arguments)
    {
        var info = new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = Folder.Path, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        info.Environment["NUGET_PACKAGES"] = Folder["cache"]; // the machine's own cache stays as it is
        info.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        info.Environment["MSBUILDDISABLENODEREUSE"] = "1"; // a node or a compiler that stays would keep the pipes open
        info.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        info.Environment["UseSharedCompilation"] = "false";
        return Qlora.RunProcess(info);
    }

    public void Dispose() => Folder.Dispose();

    private void Succeed(params string[] arguments)
    {
        var outcome = Dotnet(arguments);
        Assert.True(outcome.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}: {outcome.Output}{outcome.Error}");
    }
}
