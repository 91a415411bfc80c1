using System.CommandLine;
using System.Text.Json.Nodes;
using QLora.Cli.Frame;
using QLora.Cli.Options;
using QLora.Models;
using QLora.Verification;
using Spectre.Console;

namespace QLora.Cli.Commands;

/// <summary><c>qlora verify</c>: compares a model with recorded numbers of another implementation.</summary>
internal sealed class VerifyCommand : CliCommand
{
    private static readonly VerificationOptions Default = new();

    private readonly ModelOptions _model = new(QuantizationOptions.None, "The adapter with which the reference was recorded");
    private readonly Option<string?> _reference = NewOption.Text("--reference", "A safetensors file with input_ids, and attention_mask, labels, logits, loss, hidden.N, grad.NAME as far as recorded; "
        + "under the prefix lora. what was recorded with the adapter", "FILE").Needed();
    private readonly Option<double?> _tolerance = NewOption.Number("--tolerance", $"Largest relative error; of gradients ten times as much [default: {Default.Tolerance:0.######}]", "a number from 0 up", value => value >= 0);
    private readonly CheckpointingOption _checkpointing = new(Default.GradientCheckpointing);

    public VerifyCommand() : base("verify", "Compare logits, losses, hidden states and gradients with a recorded reference; exit code 1 when an error is too large")
    {
        Add(_reference);
        Add(_model);
        Add(_tolerance);
        Add(_checkpointing);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("A model", "qlora verify --model my-model --reference golden.safetensors"),
        new("Gradients of an adapter too", "qlora verify --model my-model --adapter my-adapter --reference golden.safetensors --tolerance 1e-5"),
        new("The 4-bit model against what the full one recorded", "qlora verify --model my-model --reference golden.safetensors --quantization nf4 --tolerance 0.1"),
        new("What rounding to bfloat16 does", "qlora verify --model my-model --reference golden.safetensors --compute-dtype bfloat16 --tolerance 0.05"),
    ];

    /// <inheritdoc/>
    protected override int Run(CommandContext context)
    {
        using var file = _model.Open(context);
        InputFile.Check(context.Need(_reference), "a recorded reference");
        using var reference = ReferenceFile.Open(context.Need(_reference));
        var checkpointing = _checkpointing.Read(context, _model.Device.Name(context));
        using var loaded = _model.Load(context, file);
        context.Status.Show("comparing");
        var report = Verifier.Verify(loaded.Model, reference, new VerificationOptions
        {
            Tolerance = context.Get(_tolerance) ?? Default.Tolerance,
            GradientCheckpointing = checkpointing,
        });
        context.Result(ToJson(report), console => Write(console, report));
        return report.Passed ? ExitCode.Success : ExitCode.FailedCheck;
    }

    private static JsonObject ToJson(VerificationReport report) => new()
    {
        ["passed"] = report.Passed,
        ["checks"] = new JsonArray([.. report.Checks.Select(check => new JsonObject
        {
            ["name"] = check.Name,
            ["max_abs_error"] = Numbers.Json(check.MaxAbsError),
            ["relative_error"] = Numbers.Json(check.RelativeError),
            ["passed"] = check.Passed,
        })]),
    };

    private static void Write(IAnsiConsole console, VerificationReport report)
    {
        // The worst first: with many gradients the others need no look.
        console.WriteRows(["relative error", "largest error", "passed", "what"], report.Checks.OrderByDescending(check => check.RelativeError)
            .Select(check => new[] { $"{check.RelativeError:E2}", $"{check.MaxAbsError:E2}", check.Passed ? "yes" : "NO", check.Name }));
        console.WriteLine();
        console.WriteLine(report.Passed ? $"all {report.Checks.Count} checks passed" : $"{report.Checks.Count(check => !check.Passed)} of {report.Checks.Count} checks failed");
    }
}
