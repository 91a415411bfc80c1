using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>Checkpoints are complete or not there, and a run goes on only with one of its own.</summary>
public class CheckpointTests
{
    private static readonly TrainingOptions Options = new() { BatchSize = 2, MaxSteps = 3, LearningRate = 0.01, SaveSteps = 1 };

    [Fact]
    public void EveryIntervalLeavesAWholeCheckpointAndNothingElse()
    {
        using var folder = new TemporaryFolder();
        Run(folder.Path, Options with { SaveSteps = 2, MaxSteps = 5 });
        Assert.Equal(["checkpoint-2", "checkpoint-4"], Directory.GetDirectories(folder.Path).Select(Path.GetFileName).Order());
        Assert.Equal(["adapter_config.json", "adapter_model.safetensors", "metrics.jsonl"], Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order());
        foreach (var checkpoint in Directory.GetDirectories(folder.Path))
        {
            Assert.Equal(
                ["adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors", "trainer_state.json"],
                Directory.GetFiles(checkpoint).Select(Path.GetFileName).Order());
        }
    }

    [Fact]
    public void ACheckpointThatCannotBeWrittenLeavesTheOneBeforeIntact()
    {
        using var folder = new TemporaryFolder();
        Run(folder["good"], Options);
        Directory.CreateDirectory(folder["out"]);
        File.WriteAllText(folder["out/checkpoint-2"], "in the way");
        var error = Assert.Throws<QLoraException>(() => Run(folder["out"], Options));
        Assert.StartsWith(folder["out/checkpoint-2"] + ": cannot be written: ", error.Message);
        Assert.Equal(["checkpoint-1"], Directory.GetDirectories(folder["out"]).Select(Path.GetFileName));
        foreach (var file in Directory.GetFiles(folder["good/checkpoint-1"]))
        {
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(folder[$"out/checkpoint-1/{Path.GetFileName(file)}"]));
        }
    }

    [Fact]
    public void WhatAnInterruptedRunLeftHalfWrittenIsRemoved()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["checkpoint-2.tmp"]);
        File.WriteAllText(folder["checkpoint-2.tmp/optimizer.safetensors"], "half");
        Run(folder.Path, Options with { SaveSteps = null });
        Assert.Empty(Directory.GetDirectories(folder.Path));
    }

    [Fact]
    public void ACheckpointThatWasAboutToBeReplacedComesBack()
    {
        using var folder = new TemporaryFolder();
        Run(folder.Path, Options);
        Directory.Move(folder["checkpoint-2"], folder["checkpoint-2.replaced"]); // where a crash between the two moves leaves it
        Run(folder.Path, Options with { SaveSteps = null }, resume: folder["checkpoint-2"]);
        Assert.Equal(["checkpoint-1", "checkpoint-2", "checkpoint-3"], Directory.GetDirectories(folder.Path).Select(Path.GetFileName).Order());

        Directory.Move(folder["checkpoint-3"], folder["checkpoint-3.replaced"]);
        Run(folder.Path, Options with { SaveSteps = null }, resume: folder["checkpoint-1"]);
        Assert.Equal(["checkpoint-1", "checkpoint-2", "checkpoint-3"], Directory.GetDirectories(folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void ARunThatGoesOnFromAnEarlierCheckpointReplacesTheLaterOnes()
    {
        using var folder = new TemporaryFolder();
        Run(folder.Path, Options);
        var expected = File.ReadAllBytes(folder["checkpoint-2/optimizer.safetensors"]);
        File.WriteAllText(folder["checkpoint-2/optimizer.safetensors"], "old");
        Run(folder.Path, Options, resume: folder["checkpoint-1"]);
        Assert.Equal(expected, File.ReadAllBytes(folder["checkpoint-2/optimizer.safetensors"]));
        Assert.Equal(["checkpoint-1", "checkpoint-2", "checkpoint-3"], Directory.GetDirectories(folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void ANewRunDoesNotMixItsCheckpointsWithAnEarlierRuns()
    {
        using var folder = new TemporaryFolder();
        Run(folder.Path, Options);
        var error = Assert.Throws<QLoraException>(() => Run(folder.Path, Options));
        Assert.Equal($"{folder.Path} holds checkpoints of an earlier run; go on with it (--resume {folder["checkpoint-3"]}), or choose another --output", error.Message);
    }

    [Fact]
    public void TheOutputMustBeAFolderThatCanBeWritten()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["file"], "");
        Assert.StartsWith(folder["file"] + ": cannot be written: ", Assert.Throws<QLoraException>(() => Run(folder["file"], Options)).Message);
        Assert.StartsWith(folder["file/below"] + ": cannot be written: ", Assert.Throws<QLoraException>(() => Run(folder["file/below"], Options)).Message);
    }

    [Fact]
    public void AFullDiskStopsTheRunWithTheFilesName()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "this system has no /dev/full");
        using var folder = new TemporaryFolder();
        File.CreateSymbolicLink(folder["metrics.jsonl"], "/dev/full");
        var error = Assert.Throws<QLoraException>(() => Run(folder.Path, Options));
        Assert.StartsWith(folder["metrics.jsonl"] + ": cannot be written: ", error.Message);
        Assert.Empty(Directory.GetDirectories(folder.Path));
    }

    [Theory]
    [InlineData("learning rate", "--learning-rate is 0.02 and was 0.01")]
    [InlineData("batch", "--batch-size is 1 and was 2")]
    [InlineData("steps", "steps is 4 and was 3")]
    [InlineData("seed", "--seed is 1 and was 42")]
    [InlineData("optimizer", "--optimizer is adamw8bit from 4096 elements on and was adamw")]
    [InlineData("data", "data is 12 examples of ")]
    [InlineData("rank", "--rank is 2 and was 4")]
    [InlineData("base", "base is weights ")]
    public void ACheckpointOfOtherSettingsIsRefusedWithWhatDiffers(string change, string expected)
    {
        using var folder = new TemporaryFolder();
        Run(folder.Path, Options);
        var options = change switch
        {
            "learning rate" => Options with { LearningRate = 0.02 },
            "batch" => Options with { BatchSize = 1 },
            "steps" => Options with { MaxSteps = 4 },
            "seed" => Options with { Seed = 1 },
            "optimizer" => Options with { Optimizer = OptimizerKind.AdamW8Bit },
            _ => Options,
        };
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.Create(backend);
        var norm = model.Modules.OfType<QLora.Layers.RmsNorm>().First().Weight.Value;
        if (change == "base") backend.Add(norm, norm);
        model.Adapters.AddNew(new QLora.Adapters.LoraConfig { Rank = change == "rank" ? 2 : 4, Alpha = 8, Dropout = 0.1f });
        using var trainer = new Trainer(model, TinyModel.Data(change == "data" ? 12 : 11), options);
        var before = TinyModel.Bits(model);
        var error = Assert.Throws<QLoraException>(() => trainer.Resume(folder["checkpoint-2"]));
        Assert.StartsWith($"{folder["checkpoint-2"]} belongs to another run: {expected}", error.Message);
        Assert.Equal(before, TinyModel.Bits(model));
        Assert.Equal(0, trainer.StepsDone);
    }

    [Theory]
    [InlineData("trainer_state.json", null, "there is no checkpoint here")]
    [InlineData("trainer_state.json", "{", "not valid JSON")]
    [InlineData("trainer_state.json", "{}", "settings: is missing")]
    [InlineData("optimizer.safetensors", null, "there is no such file")]
    [InlineData("optimizer.safetensors", "", "0 bytes are no safetensors file")]
    [InlineData("optimizer.safetensors", "\u0002\0\0\0\0\0\0\0{}", "exp_avg [4, 32] is missing")]
    [InlineData("adapter_model.safetensors", "\u0002\0\0\0\0\0\0\0{}", "lora_A.weight [4, 32] is missing")]
    public void ABrokenCheckpointIsRefusedAndChangesNothing(string file, string? content, string expected)
    {
        using var folder = new TemporaryFolder();
        Run(folder.Path, Options);
        var path = folder[$"checkpoint-2/{file}"];
        if (content is null) File.Delete(path);
        else File.WriteAllText(path, content);

        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.WithAdapter(backend);
        using var trainer = new Trainer(model, TinyModel.Data(), Options);
        var before = TinyModel.Bits(model);
        var error = Assert.Throws<QLoraException>(() => trainer.Resume(folder["checkpoint-2"]));
        Assert.Contains(expected, error.Message);
        Assert.StartsWith(folder["checkpoint-2"], error.Message);
        Assert.Equal(before, TinyModel.Bits(model));
    }

    private static void Run(string output, TrainingOptions options, string? resume = null)
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.WithAdapter(backend);
        using var trainer = new Trainer(model, TinyModel.Data(), options) { OutputFolder = output };
        if (resume is not null) trainer.Resume(resume);
        trainer.Run(cancellation: TestContext.Current.CancellationToken);
    }
}
