using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using QLora.Autograd;
using QLora.Cli.Benching;
using QLora.Cli.Frame;
using QLora.Cli.Options;
using QLora.Cpu;
using QLora.Models;
using QLora.Training;

namespace QLora.Cli.Commands;

/// <summary><c>qlora bench</c>: how fast a model trains, reads and writes here, and how much of the machine that is.</summary>
internal sealed class BenchCommand : CliCommand
{
    private readonly ModelOptions _model = new(new QuantizationOptions(), adapter: null);
    private readonly LoraOptions _lora = new();
    private readonly Option<int?> _tokens = NewOption.Integer("--tokens", "Tokens of a sequence [default: 512]", minimum: 2);
    private readonly Option<int?> _repeat = NewOption.Integer("--repeat", "Measurements of each speed, of which the median is reported [default: 5]");
    private readonly Option<int?> _batchSize = TrainingOptionGroup.BatchSizeOption();
    private readonly Option<OptimizerKind?> _optimizer = TrainingOptionGroup.OptimizerOption();
    private readonly CheckpointingOption _checkpointing = new(GradientCheckpointing.Recompute);

    public BenchCommand() : base("bench", "Measure training, prompt and generation speed, load time and peak memory, and their share of what the machine can do")
    {
        _tokens.Aliases.Add("--max-length"); // what training calls it
        Add(_model);
        Add(_tokens);
        Add(_repeat);
        Add(_lora);
        Add(_batchSize);
        Add(_optimizer);
        Add(_checkpointing);
        Add(ConfigOption);
    }

    /// <inheritdoc/>
    public override Option<string?> ConfigOption { get; } = OptionsFile.NewOption();

    /// <inheritdoc/>
    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("Sequences of 512 tokens, rank 16 on every linear layer, NF4", "qlora bench --model SmolLM2-135M-Instruct.Q4_1.gguf --tokens 512 --rank 16"),
        new("Without recomputation, for a script", "qlora bench --model my-model --gradient-checkpointing false --json"),
    ];

    /// <inheritdoc/>
    protected override int Run(CommandContext context)
    {
        var checkpointing = _checkpointing.Read(context, _model.Device.Name(context));
        var start = Stopwatch.GetTimestamp();
        using var file = _model.Open(context);
        var tokens = context.Get(_tokens) ?? 512;
        if (tokens > file.Config.ContextLength) throw new QLoraException($"--tokens is {tokens}, but the model's context has {file.Config.ContextLength}");
        using var loaded = _model.Load(context, file);
        var loadSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        loaded.Model.Adapters.AddNew(_lora.Read(context));

        using var limits = new MachineLimits(_model.Device.Threads(context));
        var benchmark = new Benchmark(context, loaded.Model, tokens, limits, context.Get(_repeat) ?? 5);
        var trained = benchmark.Train(context.Get(_batchSize) ?? 1, checkpointing, context.Get(_optimizer) ?? OptimizerKind.AdamW);
        var peak = ProcessMemory.PeakResidentBytes;
        var (read, written) = (benchmark.Prompt(), benchmark.Generate());
        var result = new BenchResult(
            trained, read, written, loadSeconds, peak, benchmark.FlopLimit, benchmark.BandwidthLimit, benchmark.MatrixWeights, loaded.Model.ComputeDType, benchmark.BytesPerToken);
        context.Result(ToJson(result), console => console.WriteFacts(
        [
            ("training", $"{result.TrainTokensPerSecond:F1} tokens/s, {result.FlopShare:P1} of the machine's {result.FlopLimit.Sustained:F0} GFLOP/s"),
            ("prompt", $"{result.PromptTokensPerSecond:F1} tokens/s"),
            ("generation", $"{result.GenerateTokensPerSecond:F1} tokens/s, {result.BandwidthShare:P1} of the machine's {result.BandwidthLimit.Sustained:F1} GB/s"),
            ("load time", $"{result.LoadSeconds:F2} s"),
            ("peak memory", Numbers.Bytes(result.PeakMemoryBytes)),
        ]));
        return ExitCode.Success;
    }

    private static JsonObject ToJson(BenchResult result) => new()
    {
        ["train_tokens_per_second"] = result.TrainTokensPerSecond,
        ["prompt_tokens_per_second"] = result.PromptTokensPerSecond,
        ["generate_tokens_per_second"] = result.GenerateTokensPerSecond,
        ["load_seconds"] = result.LoadSeconds,
        ["peak_memory_bytes"] = result.PeakMemoryBytes,
        ["compute_dtype"] = result.ComputeDType.ToString().ToLowerInvariant(),
        ["flop_limit_gflops"] = result.FlopLimit.Sustained,
        ["flop_peak_gflops"] = result.FlopLimit.Peak,
        ["flop_share"] = result.FlopShare,
        ["memory_bandwidth_gb_s"] = result.BandwidthLimit.Sustained,
        ["memory_bandwidth_peak_gb_s"] = result.BandwidthLimit.Peak,
        ["bandwidth_share"] = result.BandwidthShare,
        ["matrix_weights"] = result.MatrixWeights,
        ["bytes_per_token"] = result.BytesPerToken,
    };
}
