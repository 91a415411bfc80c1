using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

public class TrainCommandTests(TextModel model) : IClassFixture<TextModel>
{
    [Fact]
    public void Json_is_the_only_line_and_has_the_keys_of_the_design()
    {
        using var folder = new TemporaryFolder();
        var outcome = Train(folder, "out", "--epochs", "2", "--batch-size", "4", "--eval-data", folder.WriteTokens("eval.jsonl", 4), "--json").Succeeded();
        var json = outcome.Json;
        Assert.Equal(8, json.GetProperty("steps").GetInt32());
        Assert.True(json.GetProperty("loss").GetDouble() > 0);
        Assert.True(json.GetProperty("eval_loss").GetDouble() > 0);
        Assert.True(json.GetProperty("tokens_per_second").GetDouble() > 0);
        Assert.True(json.GetProperty("train_seconds").GetDouble() > 0);
        Assert.True(json.GetProperty("peak_memory_bytes").GetInt64() > 1 << 20);
        Assert.Equal(31_232, json.GetProperty("trainable_parameters").GetInt64());
        Assert.Equal(folder["out"], json.GetProperty("adapter").GetString());
        foreach (var name in new[] { "adapter_config.json", "adapter_model.safetensors", "metrics.jsonl" }) Assert.True(File.Exists(Path.Combine(folder["out"], name)), name);

        Assert.Contains("trainable params: 31,232 || all params: 115,520 || trainable%: 27.0360", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("step 8/8", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\r', outcome.Error);
    }

    [Fact]
    public void On_a_terminal_one_line_is_written_over()
    {
        using var folder = new TemporaryFolder();
        var outcome = Qlora.RunOnTerminal("", "train", "--model", TinyData.Model, "--data", folder.WriteTokens(), "--output", folder["out"], "--epochs", "4").Succeeded();
        Assert.Matches(@"\rstep 1/64  loss \d+\.\d{4}  \d+ tokens/s  \d+:\d\d left\e\[K", outcome.Error);
        Assert.EndsWith("\r\e[K", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("trained parameters", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Metrics_have_a_line_a_step_with_the_keys_of_the_design()
    {
        using var folder = new TemporaryFolder();
        Train(folder, "out", "--max-steps", "3").Succeeded();
        var lines = File.ReadAllLines(Path.Combine(folder["out"], "metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal([1, 2, 3], lines.Select(line => line.GetProperty("step").GetInt32()));
        foreach (var key in new[] { "epoch", "loss", "grad_norm", "learning_rate", "tokens", "supervised_tokens", "tokens_per_second", "peak_memory_bytes" })
        {
            Assert.All(lines, line => Assert.True(line.GetProperty(key).GetDouble() >= 0, key));
        }
    }

    [Fact]
    public void Peft_finds_the_settings_that_were_asked_for()
    {
        using var folder = new TemporaryFolder();
        Train(folder, "out", "--max-steps", "1", "--rank", "4", "--alpha", "12", "--dropout", "0.1", "--use-rslora", "--target-modules", "q_proj,v_proj").Succeeded();
        var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder["out"], "adapter_config.json"))).RootElement;
        Assert.Equal((4, 12), (config.GetProperty("r").GetInt32(), config.GetProperty("lora_alpha").GetInt32()));
        Assert.Equal(0.1, config.GetProperty("lora_dropout").GetDouble(), 6);
        Assert.True(config.GetProperty("use_rslora").GetBoolean());
        Assert.Equal(["q_proj", "v_proj"], config.GetProperty("target_modules").EnumerateArray().Select(name => name.GetString()));
        Assert.Equal(TinyData.Model, config.GetProperty("base_model_name_or_path").GetString());
    }

    [Fact]
    public void A_model_learns_and_an_adapter_is_continued()
    {
        using var folder = new TemporaryFolder();
        double Loss(params string[] more) => Qlora.Run(["evaluate", "--model", TinyData.Model, "--data", folder.WriteTokens(), "--json", .. more]).Succeeded().Json.GetProperty("loss").GetDouble();
        string[] settings = ["--epochs", "6", "--batch-size", "4", "--learning-rate", "5e-3", "--quantization", "nf4"];
        Train(folder, "first", settings).Succeeded();
        Train(folder, "second", [.. settings, "--adapter", folder["first"]]).Succeeded();
        var (before, after, later) = (Loss(), Loss("--adapter", folder["first"]), Loss("--adapter", folder["second"]));
        Assert.True(after < before && later < after, $"{before} {after} {later}");
    }

    [Fact]
    public void A_run_is_resumed_exactly()
    {
        using var folder = new TemporaryFolder();
        string[] settings = ["--epochs", "1", "--batch-size", "2", "--dropout", "0.1", "--save-steps", "3", "--threads", "2"];
        Train(folder, "whole", settings).Succeeded();
        Train(folder, "parts", settings).Succeeded();
        Directory.Delete(Path.Combine(folder["parts"], "checkpoint-6"), recursive: true);
        var resumed = Train(folder, "parts", [.. settings, "--resume", folder["parts"], "--json"]).Succeeded();
        Assert.Contains("checkpoint-3, 3 of 8 steps are done", resumed.Error, StringComparison.Ordinal);
        Assert.Equal(8, resumed.Json.GetProperty("steps").GetInt32());
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder["whole"], "adapter_model.safetensors")), File.ReadAllBytes(Path.Combine(folder["parts"], "adapter_model.safetensors")));
        Assert.Contains("checkpoint of step  3", Qlora.Run("inspect", Path.Combine(folder["parts"], "checkpoint-3")).Succeeded().Output, StringComparison.Ordinal);
        Train(folder, "parts", [.. settings, "--rank", "3", "--resume", folder["parts"]]).Failed(3, "--rank is 3 and was 16");
        Train(folder, "parts", [.. settings, "--compute-dtype", "bfloat16", "--resume", folder["parts"]]).Failed(3, "--compute-dtype is bfloat16 and was float32");
    }

    [Fact]
    public void A_run_with_8_bit_moments_is_resumed_exactly_and_with_no_other_optimizer()
    {
        using var folder = new TemporaryFolder();
        string[] settings = ["--rank", "64", "--max-steps", "4", "--save-steps", "2", "--threads", "2"], optimizer = ["--optimizer", "adamw8bit"];
        Train(folder, "whole", [.. settings, .. optimizer]).Succeeded();
        Train(folder, "parts", [.. settings, .. optimizer, "--resume", Path.Combine(folder["whole"], "checkpoint-2")]).Succeeded();
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder["whole"], "adapter_model.safetensors")), File.ReadAllBytes(Path.Combine(folder["parts"], "adapter_model.safetensors")));
        Train(folder, "paged", [.. settings, "--optimizer", "paged_adamw8bit"]).Succeeded(); // without a GPU, the same
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder["whole"], "adapter_model.safetensors")), File.ReadAllBytes(Path.Combine(folder["paged"], "adapter_model.safetensors")));
        Assert.Contains("adamw8bit from 4096 elements on", Qlora.Run("inspect", Path.Combine(folder["whole"], "checkpoint-2")).Succeeded().Output, StringComparison.Ordinal);
        Train(folder, "parts", [.. settings, "--resume", folder["whole"]]).Failed(3, "--optimizer is adamw and was adamw8bit from 4096 elements on");
    }

    [Fact]
    public void A_model_is_trained_evaluated_and_asked_in_bfloat16()
    {
        using var folder = new TemporaryFolder();
        string[] dtype = ["--compute-dtype", "bfloat16"];
        double Loss(params string[] more) => Qlora.Run(["evaluate", "--model", TinyData.Model, "--data", folder.WriteTokens(), "--json", .. more]).Succeeded().Json.GetProperty("loss").GetDouble();
        Train(folder, "adapter", ["--epochs", "6", "--batch-size", "4", "--learning-rate", "5e-3", .. dtype]).Succeeded();
        var (single, rounded) = (Loss("--adapter", folder["adapter"]), Loss(["--adapter", folder["adapter"], .. dtype]));
        Assert.NotEqual(single, rounded);
        Assert.Equal(single, rounded, 0.01 * single);
        Assert.True(rounded < Loss(dtype));
        Qlora.Run("generate", "--model", model.Path, "--chat", "--prompt", "lamp on", "--max-new-tokens", "2", "--compute-dtype", "bfloat16").Succeeded();
        Train(folder, "other", "--compute-dtype", "float16").Failed(2, "--compute-dtype: 'float16' given, expected float32 or bfloat16");
    }

    [Fact]
    public void An_earlier_run_is_not_replaced_unasked()
    {
        using var folder = new TemporaryFolder();
        Train(folder, "out", "--max-steps", "2", "--save-steps", "1").Succeeded();
        folder.Write("out/mine.txt", "not of the run");
        Train(folder, "out", "--max-steps", "1").Failed(3, "--overwrite", "--resume");
        Train(folder, "out", "--max-steps", "1", "--overwrite").Succeeded();
        Assert.Equal(["adapter_config.json", "adapter_model.safetensors", "metrics.jsonl", "mine.txt"], Directory.EnumerateFileSystemEntries(folder["out"]).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Every_weight_is_trained_with_method_full()
    {
        using var folder = new TemporaryFolder();
        var json = Qlora.Run("train", "--model", model.Path, "--data", model.Chats, "--output", folder["full"], "--method", "full", "--max-steps", "2", "--json").Succeeded().Json;
        Assert.Equal(JsonValueKind.Null, json.GetProperty("adapter").ValueKind);
        Assert.Equal(Qlora.Run("inspect", folder["full"], "--json").Succeeded().Json.GetProperty("parameters").GetInt64(), json.GetProperty("trainable_parameters").GetInt64());
        Qlora.Run("generate", "--model", folder["full"], "--chat", "--prompt", "lamp on", "--max-new-tokens", "2").Succeeded();
    }

    [Fact]
    public void Options_come_from_a_file_and_the_command_line_goes_before_it()
    {
        using var folder = new TemporaryFolder();
        var config = folder.Write("settings.json", $$"""
            {
              // comments are welcome
              "model": {{JsonSerializer.Serialize(TinyData.Model)}},
              "data": {{JsonSerializer.Serialize(folder.WriteTokens())}},
              "rank": 8, "max_steps": 5, "target-modules": ["q_proj", "v_proj"], "use-rslora": true, "learning-rate": 1e-3, "gradient-checkpointing": false, "eval-data": null,
            }
            """);
        var json = Qlora.Run("train", "--config", config, "--output", folder["out"], "--max-steps", "2", "--json").Succeeded().Json;
        Assert.Equal(2, json.GetProperty("steps").GetInt32());
        var adapter = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder["out"], "adapter_config.json"))).RootElement;
        Assert.Equal((8, 2, true), (adapter.GetProperty("r").GetInt32(), adapter.GetProperty("target_modules").GetArrayLength(), adapter.GetProperty("use_rslora").GetBoolean()));
    }

    [Theory]
    [InlineData("""{"rnak": 8}""", 3, "'rnak' is no option", "rank")]
    [InlineData("""{"config": "x"}""", 3, "'config' is no option", "")]
    [InlineData("""{"rank": {}}""", 3, "'rank' is {}", "a number")]
    [InlineData("""{"rank": 4, "rank": 8}""", 3, "twice", "")]
    [InlineData("""[1]""", 3, "expected an object", "")]
    [InlineData("""{"rank": """, 3, "not valid JSON", "")]
    [InlineData("""{"rank": 0}""", 2, "--rank", "from 1 up")]
    public void A_wrong_file_of_options_says_what_is_wrong(string text, int code, string first, string second)
    {
        using var folder = new TemporaryFolder();
        Qlora.Run("train", "--config", folder.Write("settings.json", text), "--model", "m", "--data", "d", "--output", "o").Failed(code, first, second);
    }

    [Fact]
    public void The_file_of_options_must_be_there()
    {
        using var folder = new TemporaryFolder();
        string[] all = ["train", "--model", "m", "--data", "d", "--output", "o", "--config"];
        Qlora.Run([.. all, folder["nothing.json"]]).Failed(3, "nothing.json", "no such file");
        Qlora.Run([.. all, folder.Path]).Failed(3, "is a folder");
        Qlora.Run([.. all, ""]).Failed(2, "--config");
        Qlora.Run(all).Failed(2, "--config");
    }

    [Fact]
    public void Contradictions_are_wrong_command_lines()
    {
        string[] all = ["train", "--model", "m", "--data", "d", "--output", "o"];
        Qlora.Run([.. all, "--method", "full", "--rank", "8"]).Failed(2, "--method full");
        Qlora.Run([.. all, "--method", "full", "--quantization", "nf4"]).Failed(2, "--method full");
        Qlora.Run([.. all, "--adapter", "a", "--alpha", "8"]).Failed(2, "--adapter", "--alpha");
        Qlora.Run([.. all, "--eval-steps", "8"]).Failed(2, "--eval-data");
        Qlora.Run([.. all, "--resume", "r", "--overwrite"]).Failed(2, "--resume", "--overwrite");
    }

    [Fact]
    public void Bad_input_is_told_before_anything_is_loaded()
    {
        using var folder = new TemporaryFolder();
        var data = folder.WriteTokens();
        Outcome With(string model, string file, string output, params string[] more) => Qlora.Run(["train", "--model", model, "--data", file, "--output", output, "--json", .. more]);

        With(folder["nothing"], data, folder["o"]).Failed(3, "nothing");
        With(TinyData.Model, folder["nothing.jsonl"], folder["o"]).Failed(3, "nothing.jsonl", "no such file", "training data");
        With(TinyData.Model, folder.Path, folder["o"]).Failed(3, "is a folder, expected a file");
        With(TinyData.Model, folder.Write("empty.jsonl", ""), folder["o"]).Failed(3, "empty.jsonl", "no examples");
        With(TinyData.Model, folder.Write("bad.jsonl", "{\"input_ids\": [1, 2], \"labels\": [1, 2]}\n{\n"), folder["o"]).Failed(3, "bad.jsonl, line 2");
        With(TinyData.Model, folder.Write("masked.jsonl", "{\"input_ids\": [1, 2], \"labels\": [-100, -100]}\n"), folder["o"]).Failed(3, "masked.jsonl", "no token of its 1 examples is supervised");
        With(TinyData.Model, folder.Write("text.jsonl", "{\"text\": \"hello\"}\n"), folder["o"]).Failed(3, "text.jsonl, line 1", "tokenizer");
        With(TinyData.Model, folder.Write("big.jsonl", "{\"input_ids\": [1, 128], \"labels\": [1, 128]}\n"), folder["o"]).Failed(3, "big.jsonl, line 1", "128", "0 to 127");
        With(TinyData.Model, data, data).Failed(3, "is a file, expected a folder");
        With(TinyData.Model, data, Path.Combine(data, "below")).Failed(3, "below");
        With(TinyData.Model, data, folder["o"], "--eval-data", folder["eval.jsonl"]).Failed(3, "eval.jsonl");
        With(TinyData.Model, data, folder["o"], "--target-modules", "q_prj").Failed(3, "q_prj", "q_proj");
        With(TinyData.Model, data, folder["o"], "--adapter", folder.Path).Failed(3, "there is no adapter here");
        With(TinyData.Model, data, folder["o"], "--resume", folder.Path).Failed(3, "there is no checkpoint here");
        With(model.Config, model.Chats, folder["o"]).Failed(3, "no weights");
        With(TinyData.Model, data, folder["o"], "--learning-rate", "1e30", "--max-steps", "4").Failed(3, "--learning-rate");
        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(folder["o"]), path => Path.GetFileName(path) != "metrics.jsonl");
    }

    [Fact]
    public void Ctrl_C_leaves_the_last_checkpoint_and_says_so()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are sent with kill(2)");
        using var folder = new TemporaryFolder();
        var info = Qlora.ProcessInfo("train", "--model", TinyData.Model, "--data", folder.WriteTokens(), "--output", folder["out"], "--epochs", "100000", "--save-steps", "5", "--json");
        if (InterruptsAreIgnored())
        {
            info.ArgumentList.Insert(0, info.FileName);
            info.ArgumentList.Insert(0, "--default-signal=INT");
            info.FileName = "env";
        }

        using var process = Process.Start(info)!;
        var watch = Stopwatch.StartNew();
        while (!Directory.Exists(Path.Combine(folder["out"], "checkpoint-5")) && !process.HasExited && watch.Elapsed < TimeSpan.FromMinutes(1)) Thread.Sleep(20);
        Assert.Equal(0, Kill(process.Id, 2));
        var outcome = Qlora.Finish(process);

        Assert.True(outcome.ExitCode == 130, outcome.Error);
        Assert.Empty(outcome.Output);
        Assert.Contains("interrupted; ", outcome.Error, StringComparison.Ordinal);
        var last = Directory.EnumerateDirectories(folder["out"]).MaxBy(path => int.Parse(Path.GetFileName(path)["checkpoint-".Length..], System.Globalization.CultureInfo.InvariantCulture))!;
        Assert.Contains($"--resume {last}", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", outcome.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(last, "adapter_model.safetensors")));
        Assert.Empty(Directory.EnumerateFiles(folder["out"], "*.tmp", SearchOption.AllDirectories));
        Qlora.Run("evaluate", "--model", TinyData.Model, "--adapter", last, "--data", folder["tokens.jsonl"]).Succeeded();
    }

    /// <summary>Whether this process, and with it every child, ignores Ctrl-C: so do programs that a script runs in the background.</summary>
    private static bool InterruptsAreIgnored()
    {
        if (!OperatingSystem.IsLinux()) return false;
        var ignored = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("SigIgn:", StringComparison.Ordinal))["SigIgn:".Length..];
        return (Convert.ToUInt64(ignored.Trim(), 16) & 2) != 0;
    }

    private static Outcome Train(TemporaryFolder folder, string output, params string[] more)
        => Qlora.Run(["train", "--model", TinyData.Model, "--data", folder.WriteTokens(), "--output", folder[output], .. more]);

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}
