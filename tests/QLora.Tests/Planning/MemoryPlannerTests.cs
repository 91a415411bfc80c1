using QLora.Adapters;
using QLora.Backends;
using QLora.Models;
using QLora.Planning;
using QLora.Training;

namespace QLora.Tests.Planning;

/// <summary>The plan of a run against what the backend's pool really held at its peak, in tiny models of every family.</summary>
public class MemoryPlannerTests
{
    private const double Tolerance = 0.05;
    private const int Steps = 4;

    private static readonly PlannedRun Standard = new() { Lora = new LoraConfig { Rank = 4 }, BatchSize = 1, MaxLength = 48 };

    /// <summary>A recorded model of each family.</summary>
    private static readonly string[] Models =
    [
        "llama", "mistral_swa", "qwen2", "qwen3", "phi3", "gemma2", "gemma3_text", "olmo2", "granite", "smollm3", "gpt2",
    ];

    private static readonly string[] Mixtures = ["mixtral", "qwen3_moe"];

    /// <summary>What is changed of the standard run, by name.</summary>
    private static readonly Dictionary<string, (Func<PlannedRun, PlannedRun> Change, QuantizationOptions Quantization)> Cases = new()
    {
        ["checkpointing"] = (run => run, new QuantizationOptions()),
        ["kept"] = (run => run with { GradientCheckpointing = false }, new QuantizationOptions()),
        ["checkpointing, batch 4"] = (run => run with { BatchSize = 4 }, new QuantizationOptions()),
        ["kept, batch 4"] = (run => run with { BatchSize = 4, GradientCheckpointing = false }, new QuantizationOptions()),
        ["short"] = (run => run with { MaxLength = 9 }, new QuantizationOptions()),
        ["long"] = (run => run with { MaxLength = 200 }, new QuantizationOptions()),
        ["long, kept"] = (run => run with { MaxLength = 200, GradientCheckpointing = false }, new QuantizationOptions()),
        ["rank 16"] = (run => run with { Lora = new LoraConfig { Rank = 16 } }, new QuantizationOptions()),
        ["dropout"] = (run => run with { Lora = new LoraConfig { Rank = 4, Dropout = 0.1f } }, new QuantizationOptions()),
        ["dropout, kept, batch 4"] = (run => run with { Lora = new LoraConfig { Rank = 4, Dropout = 0.1f }, BatchSize = 4, GradientCheckpointing = false }, new QuantizationOptions()),
        ["not quantised"] = (run => run, QuantizationOptions.None),
        ["not quantised, kept"] = (run => run with { GradientCheckpointing = false, BatchSize = 2 }, QuantizationOptions.None),
        ["scales in single precision"] = (run => run, new QuantizationOptions(Double: false)),
        ["few supervised"] = (run => run with { SupervisedShare = 0.25, MaxLength = 100 }, new QuantizationOptions()),
        ["every weight"] = (run => run with { Lora = null }, QuantizationOptions.None),
    };

    public static TheoryData<string, string> Matrix
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var model in Models.Concat(Mixtures))
            {
                foreach (var name in Cases.Keys) data.Add(model, name);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Matrix))]
    public void ThePlannedPeakIsThePeakOfThePool(string model, string name)
    {
        var (change, quantization) = Cases[name];
        var run = change(Standard);
        using var file = ModelFile.Open(TestData.Golden($"models/{model}"));
        using var backend = TestBackends.Create("cpu-256");
        var plan = new MemoryPlanner(file, backend, quantization).Plan(run);
        Assert.Equal(0, backend.Memory.Peak);
        var measured = Train(file, backend, quantization, run);
        TestContext.Current.SendDiagnosticMessage("{0}, {1}: planned {2:N0}, measured {3:N0}, {4:P2}", model, name, plan.PoolBytes, measured.Peak, (double)plan.PoolBytes / measured.Peak - 1);
        Assert.Equal(measured.Peak, plan.PoolBytes, Tolerance * measured.Peak);
        Assert.Equal(measured.PeakTouched, plan.TotalBytes - plan.ProcessBytes, Tolerance * measured.PeakTouched);
    }

    private static MemoryStatistics Train(ModelFile file, Backend backend, QuantizationOptions quantization, PlannedRun run)
    {
        using var model = file.Load(backend, quantization);
        if (run.Lora is null) model.TrainAllWeights();
        else model.Adapters.AddNew(run.Lora);
        if (run.Lora is not null) model.Adapters.Train();
        using var optimizer = new AdamWOptimizer(backend, model.TrainableParameters, new AdamWOptions());
        var step = new TrainingStep(model, optimizer, maxGradientNorm: 1, run.GradientCheckpointing, seed: 1);
        var random = new Random(7);
        for (var i = 0; i < Steps; i++)
        {
            var sequences = Enumerable.Range(0, run.BatchSize).Select(_ =>
            {
                int[] ids = [.. Enumerable.Range(0, run.MaxLength).Select(_ => random.Next(model.Config.VocabSize))];
                var masked = (int)((1 - run.SupervisedShare) * run.MaxLength);
                return (ids, (int[]?)[.. Enumerable.Repeat(TokenBatch.Ignored, masked), .. ids[masked..]]);
            });
            step.Run([TokenBatch.Create([.. sequences])], learningRate: 1e-4, TestContext.Current.CancellationToken);
        }

        return backend.Memory;
    }
}
