using System.Text.Json;
using Consumer;
using QLora.Adapters;
using QLora.Cpu;
using QLora.Data;
using QLora.Models;
using QLora.Training;

// Two steps with LoRA on a few tokens, on random weights; what came of it is printed as JSON.
var config = new TandemConfig { VocabSize = 19, HiddenSize = 8, NumHiddenLayers = 2, MaxPositionEmbeddings = 16, Inner = 12 };
using var backend = new CpuBackend();
using var model = ModelRegistry.ForModelType("tandem", "Program.cs").CreateRandom(config, backend);
model.Adapters.AddNew(new LoraConfig { Rank = 4, Alpha = 8, TargetModules = TandemTargets.AllLinear.ToTargetModules() });

int[] tokens = [1, 5, 9, 2, 1, 5, 9, 2];
var data = Dataset.Of("tokens", [new TrainingExample(tokens, tokens)]);
var losses = new Losses();
using var trainer = new Trainer(model, data, new TrainingOptions { MaxSteps = 2, LearningRate = 0.05 }) { OutputFolder = args[0] };
trainer.Run(losses);
Console.WriteLine(JsonSerializer.Serialize(new { losses = losses.Values, trainable = model.ParameterCount.Trainable }));

internal sealed class Losses : IProgress<StepMetrics>
{
    public List<double> Values { get; } = [];

    public void Report(StepMetrics value) => Values.Add(value.Loss);
}
