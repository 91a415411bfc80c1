using System.Diagnostics;

namespace QLora.Tests;

/// <summary>A process for one test alone: where memory is measured, other tests and what they left behind must not be in the way.</summary>
internal static class OwnProcess
{
    private const string Variable = "QLORA_TEST_OWN_PROCESS";

    /// <summary>Whether this process also runs other tests.</summary>
    public static bool IsNeeded => Environment.GetEnvironmentVariable(Variable) is null;

    /// <summary>Runs a test method of this assembly in a process of its own, and fails with what it says if it fails there.</summary>
    public static void Run(string method)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(OwnProcess).Assembly.Location, "-method", method, "-noColor", "-diagnostics"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[Variable] = "1";
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        foreach (var line in output.Split('\n').Where(line => line.Contains("[D::", StringComparison.Ordinal))) TestContext.Current.SendDiagnosticMessage(line.Trim());
        Assert.True(process.ExitCode == 0, output + error.Result);
    }
}
