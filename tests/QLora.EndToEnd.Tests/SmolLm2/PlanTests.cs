using System.Globalization;
using System.Text.Json;
using QLora.EndToEnd.Tests.Cli;
using QLora.Testing;

namespace QLora.Tests.SmolLm2;

/// <summary>The planned memory of whole processes against what the system counted, at 512 tokens.</summary>
public class PlanTests
{
    private const double Tolerance = 0.05;
    private const int Tokens = 512;

    [Theory]
    [InlineData("bench", true), InlineData("bench", false), InlineData("train", true), InlineData("train", false)]
    public void The_plan_is_what_the_process_takes(string command, bool checkpointing)
    {
        string[] model = ["--model", RealModel.ModelPath, "--gradient-checkpointing", checkpointing ? "true" : "false", "--max-length", Invariant(Tokens), "--json"];
        using var folder = new TemporaryFolder();
        string[] run = command == "bench"
            ? ["bench", "--repeat", "1", .. model]
            : ["train", "--data", folder.Write("data.jsonl", Data()), "--output", folder["out"], "--max-steps", "3", .. model];
        var planned = Bytes("total_bytes", ["plan", .. model]);
        if (command == "bench")
        {
            // It reads no text: its process is like one that plans for a model without a tokenizer.
            planned += Bytes("process_bytes", ["plan", "--model", TinyData.Model, "--json"]) - Bytes("process_bytes", ["plan", .. model]);
        }

        var measured = Bytes("peak_memory_bytes", run);
        TestContext.Current.SendDiagnosticMessage("{0}, checkpointing {1}: planned {2:N0}, measured {3:N0}, {4:P1}", command, checkpointing, planned, measured, (double)planned / measured - 1);
        Assert.Equal(measured, planned, Tolerance * measured);
    }

    private static long Bytes(string key, string[] arguments) => Qlora.RunProcess(Qlora.ProcessInfo(arguments)).Succeeded().Json.GetProperty(key).GetInt64();

    /// <summary>Examples of the longest kind, all of whose tokens are supervised.</summary>
    private static string Data()
    {
        var random = new Random(3);
        return string.Concat(Enumerable.Range(0, 3).Select(_ =>
        {
            int[] ids = [.. Enumerable.Range(0, Tokens).Select(_ => random.Next(49_152))];
            return JsonSerializer.Serialize(new { input_ids = ids, labels = ids }) + "\n";
        }));
    }

    private static string Invariant(int value) => value.ToString(CultureInfo.InvariantCulture);
}
