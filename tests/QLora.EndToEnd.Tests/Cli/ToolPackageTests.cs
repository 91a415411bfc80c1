using System.Diagnostics;
using System.Text.Json;
using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

/// <summary>The command line is packed as a .NET tool, installed from the package alone, and runs.</summary>
public class ToolPackageTests
{
    [Fact]
    public void The_packed_tool_is_installed_and_runs()
    {
        using var folder = new TemporaryFolder();
        var configuration = Directory.GetParent(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar))!.Name;
        Dotnet(folder, "pack", Path.Combine(TestData.Root, "src", "QLora.Cli"), "--no-build", "--configuration", configuration, "--output", folder["packages"]);
        Assert.Single(Directory.EnumerateFiles(folder["packages"], "QLora.Cli.*.nupkg"));

        var sources = folder.Write("nuget.config", """<configuration><packageSources><clear /><add key="packages" value="packages" /></packageSources></configuration>""");
        Dotnet(folder, "tool", "install", "QLora.Cli", "--tool-path", folder["tools"], "--configfile", sources);
        var tool = Directory.EnumerateFiles(folder["tools"]).Single(path => Path.GetFileNameWithoutExtension(path) == "qlora");
        var outcome = Qlora.RunProcess(Info(folder, tool, "devices", "--json"));
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        Assert.Equal("cpu", JsonDocument.Parse(outcome.Output).RootElement.GetProperty("default").GetString());
    }

    private static void Dotnet(TemporaryFolder folder, params string[] arguments)
    {
        var outcome = Qlora.RunProcess(Info(folder, "dotnet", arguments));
        Assert.True(outcome.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}: {outcome.Output}{outcome.Error}");
    }

    private static ProcessStartInfo Info(TemporaryFolder folder, string program, params string[] arguments)
    {
        var info = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        info.Environment["NUGET_PACKAGES"] = folder["cache"]; // the machine's own cache stays as it is
        info.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        info.Environment["MSBUILDDISABLENODEREUSE"] = "1"; // a node that stays would keep the pipes open
        info.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        return info;
    }
}
