using System.Text.Json.Nodes;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>What a run reports: metrics.jsonl, progress, the report, evaluation on the way.</summary>
public class MetricsTests
{
    private static readonly string[] Fields =
    [
        "step", "epoch", "loss", "grad_norm", "learning_rate", "tokens", "supervised_tokens", "tokens_per_second", "peak_memory_bytes",
    ];

    public static List<JsonObject> Read(string path) => [.. File.ReadAllLines(path).Select(line => JsonNode.Parse(line)!.AsObject())];

    [Fact]
    public void EveryStepIsALineOfMetricsAndAReportOfProgress()
    {
        using var backend = TestBackends.Create("reference");
        using var folder = new TemporaryFolder();
        using var model = TinyModel.WithAdapter(backend);
        var data = TinyModel.Data();
        using var trainer = new Trainer(model, data, new TrainingOptions { BatchSize = 4, Epochs = 2, EvalSteps = 2, LearningRate = 0.01 })
        {
            OutputFolder = folder.Path, EvaluationData = TinyModel.Data(3, seed: 9), BaseModel = "some/base",
        };

        Assert.Equal(6, trainer.TotalSteps);
        var linesSeen = new List<int>();
        var seen = new StepList(_ => linesSeen.Add(File.ReadAllLines(folder["metrics.jsonl"]).Length));
        var report = trainer.Run(seen, TestContext.Current.CancellationToken);
        Assert.Equal([1, 2, 3, 4, 5, 6], linesSeen); // each on the disk as soon as it is known

        var lines = Read(folder["metrics.jsonl"]);
        foreach (var (line, step) in lines.Zip(seen.Steps))
        {
            Assert.Equal(step.EvaluationLoss is null ? Fields : [.. Fields, "eval_loss"], line.Select(field => field.Key));
            Assert.Equal(step.Step, line["step"]!.GetValue<int>());
            Assert.Equal((step.Loss, step.GradientNorm), (line["loss"]!.GetValue<double>(), line["grad_norm"]!.GetValue<double>()));
            Assert.Equal(step.Step / 3.0, line["epoch"]!.GetValue<double>());
            Assert.InRange(line["tokens_per_second"]!.GetValue<double>(), 1, 1e9);
            Assert.InRange(line["peak_memory_bytes"]!.GetValue<long>(), 10 << 20, 64L << 30);
        }

        Assert.Equal([2, 4, 6], seen.Steps.Where(step => step.EvaluationLoss is not null).Select(step => step.Step));
        Assert.Equal(2 * data.Tokens, seen.Steps.Sum(step => step.Tokens));
        Assert.Equal(2 * data.SupervisedTokens, seen.Steps.Sum(step => step.SupervisedTokens));
        Assert.Equal((6, seen.Steps[^1].Loss, seen.Steps[^1].EvaluationLoss), (report.Steps, report.Loss, report.EvaluationLoss));
        Assert.Equal(model.ParameterCount.Trainable, report.TrainableParameters);
        Assert.Equal(Evaluator.Evaluate(model, trainer.EvaluationData, cancellation: TestContext.Current.CancellationToken).Loss, report.EvaluationLoss);
        Assert.True(seen.Steps[^1].Loss < seen.Steps[0].Loss, "it learns");
        Assert.Equal("some/base", JsonNode.Parse(File.ReadAllText(folder["adapter_config.json"]))!["base_model_name_or_path"]!.GetValue<string>());
    }

    [Fact]
    public void ANewRunBeginsItsMetricsAnew()
    {
        using var backend = TestBackends.Create("reference");
        using var folder = new TemporaryFolder();
        for (var run = 0; run < 2; run++)
        {
            using var model = TinyModel.WithAdapter(backend);
            using var trainer = new Trainer(model, TinyModel.Data(), new TrainingOptions { MaxSteps = 2 }) { OutputFolder = folder.Path };
            trainer.Run(cancellation: TestContext.Current.CancellationToken);
            Assert.Equal(2, Read(folder["metrics.jsonl"]).Count);
        }
    }

    [Fact]
    public void WithoutAnOutputFolderNothingIsWritten()
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.WithAdapter(backend);
        using var trainer = new Trainer(model, TinyModel.Data(), new TrainingOptions { MaxSteps = 2, SaveSteps = 1 });
        var report = trainer.Run(cancellation: TestContext.Current.CancellationToken);
        Assert.Null(report.EvaluationLoss);
        Assert.True(report.TokensPerSecond > 0 && report.TrainSeconds > 0);
    }
}
