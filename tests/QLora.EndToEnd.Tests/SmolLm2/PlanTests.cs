using System.Globalization;
using System.Text.Json;
using QLora.EndToEnd.Tests.Cli;
using QLora.Testing;

namespace QLora.Tests.SmolLm2;

/// <summary>The planned memory of whole processes against what the system counted.</summary>
public class PlanTests
{
    private const double Tolerance = 0.05;
    private const int Steps = 3;

    /// <summary>Every pair of values of two options is in some row, but for the last options, each of which is in one.</summary>
    [Theory]
    [InlineData("--max-length 64 --rank 4 --batch-size 1 --gradient-checkpointing true --compute-dtype float32 --quantization nf4")]
    [InlineData("--max-length 512 --rank 16 --batch-size 1 --gradient-checkpointing true --compute-dtype float32 --quantization nf4")]
    [InlineData("--max-length 512 --rank 16 --batch-size 1 --gradient-checkpointing false --compute-dtype float32 --quantization nf4")]
    [InlineData("--max-length 64 --rank 64 --batch-size 4 --gradient-checkpointing false --compute-dtype float32 --quantization none")]
    [InlineData("--max-length 512 --rank 4 --batch-size 1 --gradient-checkpointing false --compute-dtype bfloat16 --quantization nf4")]
    [InlineData("--max-length 512 --rank 64 --batch-size 1 --gradient-checkpointing true --compute-dtype bfloat16 --quantization nf4")]
    [InlineData("--max-length 64 --rank 16 --batch-size 1 --gradient-checkpointing true --compute-dtype bfloat16 --quantization none")]
    [InlineData("--max-length 256 --rank 4 --batch-size 4 --gradient-checkpointing true --compute-dtype float32 --quantization none")]
    [InlineData("--max-length 256 --rank 16 --batch-size 4 --gradient-checkpointing true --compute-dtype bfloat16 --quantization nf4")]
    [InlineData("--max-length 256 --rank 64 --batch-size 1 --gradient-checkpointing false --compute-dtype bfloat16 --quantization none")]
    [InlineData("--max-length 128 --dropout 0.05 --quantization fp4 --double-quantization false --gradient-accumulation-steps 2 --target-modules q_proj,v_proj")]
    public void The_plan_is_what_training_takes(string options)
    {
        string[] model = ["--model", RealModel.ModelPath, .. options.Split(' '), "--json"];
        using var folder = new TemporaryFolder();
        var data = folder.Write("data.jsonl", Data(Value(options, "--max-length"), Steps * Value(options, "--batch-size") * Value(options, "--gradient-accumulation-steps")));
        Compare(options, Bytes("total_bytes", ["plan", .. model]), Bytes("peak_memory_bytes", ["train", "--data", data, "--output", folder["out"], "--max-steps", Invariant(Steps), .. model]));
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public void The_plan_is_what_bench_takes(bool checkpointing)
    {
        string[] model = ["--model", RealModel.ModelPath, "--gradient-checkpointing", checkpointing ? "true" : "false", "--max-length", "512", "--json"];

        // It reads no text: its process is like one that plans for a model without a tokenizer.
        var planned = Bytes("total_bytes", ["plan", .. model]) + Bytes("process_bytes", ["plan", "--model", TinyData.Model, "--json"]) - Bytes("process_bytes", ["plan", .. model]);
        Compare($"bench, checkpointing {checkpointing}", planned, Bytes("peak_memory_bytes", ["bench", "--repeat", "1", .. model]));
    }

    private static void Compare(string run, long planned, long measured)
    {
        TestContext.Current.SendDiagnosticMessage("{0}: planned {1:N0}, measured {2:N0}, {3:P1}", run, planned, measured, (double)planned / measured - 1);
        Assert.Equal(measured, planned, Tolerance * measured);
    }

    private static long Bytes(string key, string[] arguments) => Qlora.RunProcess(Qlora.ProcessInfo(arguments)).Succeeded().Json.GetProperty(key).GetInt64();

    /// <summary>The value of an option that is a number; 1 where it is not given.</summary>
    private static int Value(string options, string name)
    {
        var words = options.Split(' ');
        var at = Array.IndexOf(words, name);
        return at < 0 ? 1 : int.Parse(words[at + 1], CultureInfo.InvariantCulture);
    }

    /// <summary>Examples of the longest kind, all of whose tokens are supervised.</summary>
    private static string Data(int tokens, int examples)
    {
        var random = new Random(3);
        return string.Concat(Enumerable.Range(0, examples).Select(_ =>
        {
            int[] ids = [.. Enumerable.Range(0, tokens).Select(_ => random.Next(49_152))];
            return JsonSerializer.Serialize(new { input_ids = ids, labels = ids }) + "\n";
        }));
    }

    private static string Invariant(int value) => value.ToString(CultureInfo.InvariantCulture);
}
