using QLora.Adapters;
using QLora.Data;
using QLora.Models;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>What a run trains, what it refuses, full training, packing.</summary>
public class TrainerTests
{
    [Theory]
    [InlineData("--batch-size is 0, expected 1 or more")]
    [InlineData("--gradient-accumulation-steps is -1, expected 1 or more")]
    [InlineData("--epochs is NaN, expected a number above 0")]
    [InlineData("--epochs is 0, expected a number above 0")]
    [InlineData("--max-steps is 0, expected 1 or more")]
    [InlineData("--learning-rate is -0.1, expected a number from 0 up")]
    [InlineData("--learning-rate is Infinity, expected a number from 0 up")]
    [InlineData("--warmup-steps is -1, expected 0 or more")]
    [InlineData("--weight-decay is -1, expected a number from 0 up")]
    [InlineData("--max-grad-norm is 0, expected a number above 0")]
    [InlineData("--save-steps is 0, expected 1 or more")]
    [InlineData("--eval-steps is -2, expected 1 or more")]
    public void OptionsOutOfRangeAreRefusedByName(string message)
    {
        var number = message.Split(' ')[2].TrimEnd(',');
        var value = double.Parse(number, System.Globalization.CultureInfo.InvariantCulture);
        var whole = double.IsFinite(value) ? (int)value : 0;
        var options = new TrainingOptions();
        options = message.Split(' ')[0] switch
        {
            "--batch-size" => options with { BatchSize = whole },
            "--gradient-accumulation-steps" => options with { GradientAccumulationSteps = whole },
            "--epochs" => options with { Epochs = value },
            "--max-steps" => options with { MaxSteps = whole },
            "--learning-rate" => options with { LearningRate = value },
            "--warmup-steps" => options with { WarmupSteps = whole },
            "--weight-decay" => options with { WeightDecay = value },
            "--max-grad-norm" => options with { MaxGradNorm = value },
            "--save-steps" => options with { SaveSteps = whole },
            _ => options with { EvalSteps = whole },
        };
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.WithAdapter(backend);
        Assert.Equal(message, Assert.Throws<QLoraException>(() => new Trainer(model, TinyModel.Data(), options)).Message);
    }

    [Theory]
    [InlineData(1.0, null, 6), InlineData(2.0, null, 12), InlineData(0.5, null, 3), InlineData(0.4, null, 3), InlineData(1.0, 2, 2), InlineData(1.0, 100, 100)]
    public void TheLengthOfARunFollowsEpochsUnlessStepsAreGiven(double epochs, int? maxSteps, int expected)
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.WithAdapter(backend);
        using var trainer = new Trainer(model, TinyModel.Data(11), new TrainingOptions { BatchSize = 2, Epochs = epochs, MaxSteps = maxSteps });
        Assert.Equal(expected, trainer.TotalSteps);
    }

    [Fact]
    public void ThereMustBeOneThingToTrain()
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.Create(backend);
        Assert.StartsWith("there is nothing to train", Assert.Throws<QLoraException>(() => new Trainer(model, TinyModel.Data(), new TrainingOptions())).Message);
        model.TrainAllWeights();
        model.Adapters.AddNew(new LoraConfig());
        var error = Assert.Throws<QLoraException>(() => new Trainer(model, TinyModel.Data(), new TrainingOptions()));
        Assert.StartsWith("the model's own weights are to be trained", error.Message);
    }

    [Fact]
    public void DataOfAnotherTokenizerIsRefusedBeforeTheRun()
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.WithAdapter(backend);
        var data = Dataset.Of("other.jsonl", [new([1, 2], [1, 2]), new([1, TinyModel.Vocabulary], [1, -100])]);
        Assert.Equal(
            "other.jsonl: example 2 has token 96, but the model's vocabulary has 96 tokens; the tokenizer is another model's",
            Assert.Throws<QLoraException>(() => new Trainer(model, data, new TrainingOptions())).Message);
    }

    [Fact]
    public void ATrainerGivesGradientsAndMomentsBack()
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.WithAdapter(backend);
        var before = backend.Memory.InUse;
        using (var trainer = new Trainer(model, TinyModel.Data(), new TrainingOptions { MaxSteps = 1 }))
        {
            trainer.Run(cancellation: TestContext.Current.CancellationToken);
            Assert.True(backend.Memory.InUse > before);
        }

        Assert.InRange(backend.Memory.InUse - before, 0, 64 << 10); // the rotary tables stay
        Assert.Empty(model.TrainableParameters);
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void AModelTrainedAsAWholeLearnsAndItsFolderLoads(string backendName)
    {
        using var backend = TestBackends.Create(backendName);
        using var folder = new TemporaryFolder();
        using var model = TinyModel.Create(backend);
        model.TrainAllWeights();
        var data = TinyModel.Data(24);
        double trained;
        var options = new TrainingOptions { BatchSize = 8, Epochs = 40, LearningRate = 0.01, WarmupSteps = 5 };
        using (var trainer = new Trainer(model, data, options) { OutputFolder = folder.Path })
        {
            var seen = new StepList();
            var report = trainer.Run(seen, TestContext.Current.CancellationToken);
            Assert.Equal(model.ParameterCount.All, report.TrainableParameters);
            Assert.InRange(seen.Steps[0].Loss, 4, 5); // about ln 96
            trained = Evaluator.Evaluate(model, data, cancellation: TestContext.Current.CancellationToken).Loss;
            Assert.InRange(trained, 0, 1);
        }

        using var file = ModelFile.Open(folder.Path);
        using var loaded = file.Load(backend, QuantizationOptions.None);
        Assert.Equal(trained, Evaluator.Evaluate(loaded, data, cancellation: TestContext.Current.CancellationToken).Loss);
    }

    [Fact]
    public void HalfPrecisionWeightsAreWidenedToBeTrained()
    {
        using var backend = TestBackends.Create("reference");
        using var folder = new TemporaryFolder();
        using (var model = TinyModel.Create(backend)) ModelMerger.Save(model, folder.Path, QLora.Tensors.DType.BFloat16);
        using var file = ModelFile.Open(folder.Path);
        using var half = file.Load(backend, QuantizationOptions.None);
        half.TrainAllWeights();
        Assert.All(half.TrainableParameters, parameter => Assert.Equal(QLora.Tensors.DType.Float32, parameter.Value.DType));
        using var trainer = new Trainer(half, TinyModel.Data(), new TrainingOptions { MaxSteps = 3, BatchSize = 8, LearningRate = 0.01 });
        var seen = new StepList();
        trainer.Run(seen, TestContext.Current.CancellationToken);
        Assert.True(seen.Steps[2].Loss < seen.Steps[0].Loss);
    }

    [Fact]
    public void PackedRowsHoldConsecutiveExamplesUpToTheLongestAllowed()
    {
        var examples = new[] { 5, 5, 6, 17, 3, 3, 3, 3, 3 }.Select(length => new TrainingExample(new int[length], new int[length])).ToList();
        Assert.Equal([[0, 1], [2], [3], [4, 5, 6, 7], [8]], ExampleRows.Pack(examples, 12));
        Assert.Equal([[0, 1, 2], [3], [4, 5, 6, 7, 8]], ExampleRows.Pack(examples, 17));
        var batch = ExampleRows.Batch(examples, [0, 1], [2]);
        Assert.Equal([5, 5, 6], batch.Segments.Select(segment => segment.QueryCount));
    }

    [Fact]
    public void PackingTrainsOnEveryExampleOnceAndEachSeesItselfOnly()
    {
        using var backend = TestBackends.Create("reference");
        var data = TinyModel.Data(16);
        var losses = new[] { false, true }.Select(packing =>
        {
            using var model = TinyModel.WithAdapter(backend, dropout: 0);
            using var trainer = new Trainer(model, data, new TrainingOptions { BatchSize = 16, Packing = packing, LearningRate = 0.01, Epochs = 2 });
            var seen = new StepList();
            trainer.Run(seen, TestContext.Current.CancellationToken);
            Assert.All(seen.Steps, step => Assert.Equal(data.Tokens, step.Tokens));
            return seen.Steps.Select(step => step.Loss).ToList();
        }).ToList();
        Assert.Equal(2, losses[0].Count);
        foreach (var (single, packed) in losses[0].Zip(losses[1])) Assert.Equal(single, packed, 1e-5);
    }

    public static TheoryData<string> Backends() => [.. TestBackends.Names];
}
