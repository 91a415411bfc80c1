using System.Diagnostics;
using QLora.Checkpoints;
using QLora.Data;
using QLora.Models;

namespace QLora.Training;

/// <summary>
/// Trains the adapter in use, or every weight of a model after <see cref="CausalLanguageModel.TrainAllWeights"/>, on a dataset: order, micro-batches, schedule, steps,
/// metrics, checkpoints, evaluation.
/// </summary>
/// <example>
/// <code>
/// model.Adapters.AddNew(new LoraConfig { Rank = 16 });
/// using var trainer = new Trainer(model, data, new TrainingOptions { Epochs = 2 }) { OutputFolder = "my-adapter" };
/// var report = trainer.Run();
/// </code>
/// </example>
public sealed class Trainer : IDisposable
{
    private readonly CausalLanguageModel _model;
    private readonly Dataset _data;
    private readonly TrainingOptions _options;
    private readonly List<int[]> _rows;
    private readonly DataOrder _order;
    private readonly LearningRateSchedule _schedule;
    private readonly TrainedWeights _trained;
    private readonly AdamWOptimizer _optimizer;
    private readonly TrainingStep _step;
    private readonly RunSettings _settings;
    private double _loss;

    /// <summary>Prepares a run. The adapter in use becomes trainable.</summary>
    /// <param name="model">The model, with an adapter in use or all its weights trainable.</param>
    /// <param name="data">What it learns from.</param>
    /// <param name="options">How.</param>
    /// <exception cref="QLoraException">An option is out of range, a token is not in the model's vocabulary, or there is nothing to train.</exception>
    public Trainer(CausalLanguageModel model, Dataset data, TrainingOptions options)
    {
        (_model, _data, _options) = (model, data, options.Validated());
        CheckVocabulary(data, model.Config.VocabSize);
        _rows = options.Packing ? ExampleRows.Pack(data.Examples, data.MaxLength) : ExampleRows.Single(data.Examples);
        _order = new DataOrder(_rows.Count, options.BatchSize, options.GradientAccumulationSteps, options.Seed, options.Shuffle);
        TotalSteps = options.MaxSteps ?? StepsOf(options.Epochs, _order.StepsPerEpoch);
        _schedule = new LearningRateSchedule(options.Schedule, options.LearningRate, options.WarmupSteps, TotalSteps);
        _trained = new TrainedWeights(model);
        _settings = new RunSettings(model, data, options, TotalSteps);
        _optimizer = new AdamWOptimizer(model.Backend, _trained.Parameters, new AdamWOptions(WeightDecay: options.WeightDecay, Kind: options.Optimizer, Min8BitSize: options.Min8BitSize));
        _step = new TrainingStep(model, _optimizer, options.MaxGradNorm, options.GradientCheckpointing, options.Seed);
    }

    /// <summary>What the model is evaluated on, every <see cref="TrainingOptions.EvalSteps"/> and at the end; null for no evaluation.</summary>
    public Dataset? EvaluationData { get; init; }

    /// <summary>
    /// Where the run leaves its files: the adapter in PEFT's format or the model, <c>metrics.jsonl</c>, and <c>checkpoint-N</c> every
    /// <see cref="TrainingOptions.SaveSteps"/>. Null to leave none.
    /// </summary>
    public string? OutputFolder { get; init; }

    /// <summary>What the adapter's config says in <c>base_model_name_or_path</c>.</summary>
    public string? BaseModel { get => _trained.BaseModel; init => _trained.BaseModel = value; }

    /// <summary>Optimizer steps of the whole run.</summary>
    public int TotalSteps { get; }

    /// <summary>Optimizer steps that are done.</summary>
    public int StepsDone => _optimizer.Steps;

    /// <summary>Goes back to a checkpoint; <see cref="Run"/> then continues exactly as the run that wrote it would have.</summary>
    /// <param name="checkpointFolder">A <c>checkpoint-N</c> of a run with the same model, data and settings.</param>
    /// <exception cref="QLoraException">It is missing, incomplete, broken, or of a run with other settings (the message says which); nothing is changed then.</exception>
    public void Resume(string checkpointFolder)
    {
        var checkpoint = TrainerCheckpoint.Restore(checkpointFolder, _settings, _trained, _optimizer);
        (_step.MicroBatches, _loss) = (checkpoint.MicroBatches, checkpoint.Loss);
    }

    /// <summary>Takes the steps that are left. After a cancellation it may be called again and goes on where it stopped.</summary>
    /// <param name="progress">Told of every step.</param>
    /// <param name="cancellation">Stops the run after the micro-batch or the evaluation pass that is under way.</param>
    /// <exception cref="QLoraException">Numbers went wrong (the message names the layer), or a file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled: the step under way is undone, nothing is half written, the last checkpoint is intact.</exception>
    public TrainingReport Run(IProgress<StepMetrics>? progress = null, CancellationToken cancellation = default)
    {
        using var metrics = OpenOutput();
        ProcessMemory.GiveBackGarbage();
        var (tokens, seconds) = (0L, 0.0);
        double? evaluationLoss = null;
        foreach (var batches in _order.From(StepsDone).Take(TotalSteps - StepsDone))
        {
            var (result, time) = Step(batches, cancellation);
            (_loss, tokens, seconds) = (result.Loss, tokens + result.Tokens, seconds + time);
            evaluationLoss = null;
            try
            {
                if (IsDue(_options.EvalSteps)) evaluationLoss = Evaluate(cancellation);
            }
            finally
            {
                var line = new StepMetrics(
                    StepsDone, TotalSteps, (double)StepsDone / _order.StepsPerEpoch, result.Loss, result.GradientNorm, _schedule.At(StepsDone - 1),
                    result.Tokens, result.SupervisedTokens, result.Tokens / time, ProcessMemory.PeakResidentBytes, evaluationLoss);
                metrics?.Append(line);
                progress?.Report(line);
            }

            if (OutputFolder is not null && StepsDone % _options.SaveSteps == 0) SaveCheckpoint(OutputFolder);
        }

        evaluationLoss ??= Evaluate(cancellation);
        if (OutputFolder is not null) _trained.Save(OutputFolder, StepsDone);
        var trained = _trained.Tensors.Sum(entry => entry.Tensor.Count);
        return new TrainingReport(StepsDone, _loss, evaluationLoss, seconds > 0 ? tokens / seconds : 0, seconds, ProcessMemory.PeakResidentBytes, trained);
    }

    /// <summary>Freezes what was trained, and gives gradients and moments back. The model and its adapter stay.</summary>
    public void Dispose()
    {
        _optimizer.Dispose();
        _trained.Dispose();
    }

    private (StepResult Result, double Seconds) Step(StepBatches batches, CancellationToken cancellation)
    {
        var start = Stopwatch.GetTimestamp();
        var microBatches = new TokenBatch[batches.MicroBatches.Count];
        for (var i = 0; i < microBatches.Length; i++)
        {
            microBatches[i] = ExampleRows.Batch(_data.Examples, Array.ConvertAll(batches.MicroBatches[i], row => _rows[row]));
        }

        var result = _step.Run(microBatches, _schedule.At(StepsDone), cancellation);
        return (result, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    private bool IsDue(int? interval) => StepsDone == TotalSteps || StepsDone % interval == 0;

    private double? Evaluate(CancellationToken cancellation)
        => EvaluationData is null ? null : Evaluator.Evaluate(_model, EvaluationData, cancellation: cancellation).Loss;

    private MetricsFile? OpenOutput()
    {
        if (OutputFolder is null) return null;
        AtomicFile.CreateFolder(OutputFolder);
        TrainerCheckpoint.TidyUp(OutputFolder);
        if (StepsDone == 0 && TrainerCheckpoint.StepsIn(OutputFolder).ToList() is [.., var last])
        {
            throw new QLoraException(
                $"{OutputFolder} holds checkpoints of an earlier run; go on with it (--resume {TrainerCheckpoint.PathOf(OutputFolder, last)}), or choose another --output");
        }

        return MetricsFile.Open(OutputFolder, StepsDone);
    }

    private void SaveCheckpoint(string folder) => new TrainerCheckpoint(StepsDone, _step.MicroBatches, _loss).Write(folder, _settings, _trained, _optimizer);

    /// <summary>A fraction of an epoch counts as far as it goes, rounded up to whole steps.</summary>
    private static int StepsOf(double epochs, int stepsPerEpoch) => Math.Ceiling(epochs * stepsPerEpoch) is var steps && steps <= int.MaxValue
        ? (int)steps
        : throw new QLoraException(FormattableString.Invariant($"--epochs is {epochs}, which makes {steps} steps; expected {int.MaxValue} at most"));

    private static void CheckVocabulary(Dataset data, int vocabulary)
    {
        for (var i = 0; i < data.Examples.Count; i++)
        {
            var highest = Math.Max(data.Examples[i].InputIds.Max(), data.Examples[i].Labels.Max());
            if (highest < vocabulary) continue;
            throw new QLoraException(
                $"{data.Path}: example {i + 1} has token {highest}, but the model's vocabulary has {vocabulary} tokens; the tokenizer is another model's");
        }
    }
}
