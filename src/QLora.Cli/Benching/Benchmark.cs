using System.Diagnostics;
using QLora.Autograd;
using QLora.Backends;
using QLora.Cli.Frame;
using QLora.Cpu;
using QLora.Generation;
using QLora.Layers;
using QLora.Models;
using QLora.Tensors;
using QLora.Training;

namespace QLora.Cli.Benching;

/// <summary>
/// Measures a loaded model with an adapter in use, and beside every repetition what the machine can do at that time. Training comes first, so that the peak memory is that of
/// training.
/// </summary>
/// <param name="context">Where progress goes.</param>
/// <param name="model">The model.</param>
/// <param name="tokens">Tokens of a sequence in training, of the prompt, and new tokens at most.</param>
/// <param name="limits">Of the machine.</param>
/// <param name="repetitions">How often each speed is measured, after one run that does not count.</param>
internal sealed class Benchmark(CommandContext context, CausalLanguageModel model, int tokens, MachineLimits limits, int repetitions)
{
    private const int ShortPrompt = 16;
    private const int NewTokens = 64;

    private readonly List<Limit> _flopLimits = [], _bandwidthLimits = [];

    /// <summary>10⁹ operations a second in the type of activations, beside training; on a machine that does not multiply pairs of BFloat16 numbers, in single precision.</summary>
    public Limit FlopLimit => Limit.Of(_flopLimits);

    /// <summary>10⁹ bytes a second from memory, beside generation.</summary>
    public Limit BandwidthLimit => Limit.Of(_bandwidthLimits);

    /// <summary>Optimizer steps on random tokens, all of them supervised: tokens a second.</summary>
    /// <param name="batchSize">Sequences in a step.</param>
    /// <param name="checkpointing">What blocks keep for the backward pass.</param>
    /// <param name="optimizer">What updates the adapter.</param>
    public double Train(int batchSize, GradientCheckpointing checkpointing, OptimizerKind optimizer)
    {
        ProcessMemory.GiveBackGarbage(); // as a run does before its first step
        model.Adapters.Train();
        using var adamW = new AdamWOptimizer(model.Backend, model.TrainableParameters, new AdamWOptions(Kind: optimizer));
        var step = new TrainingStep(model, adamW, maxGradientNorm: 1, checkpointing, seed: 42);
        var batch = TokenBatch.Create([.. Enumerable.Range(0, batchSize).Select(row => RandomTokens((ulong)row, tokens)).Select(ids => (ids, (int[]?)ids))]);
        var seconds = Median("training", MeasureFlopLimit, () => Time(() => step.Run([batch], learningRate: 1e-4, context.Cancellation)));
        foreach (var parameter in model.Adapters.Active!.Parameters) parameter.Freeze();
        return batch.TokenCount / seconds;
    }

    /// <summary>A prompt up to the first new token: its tokens a second.</summary>
    public double Prompt()
    {
        var prompt = RandomTokens(stream: 1000, Math.Min(tokens, model.Config.ContextLength - 1));
        var options = new GenerationOptions { MaxNewTokens = 1, StopTokens = [] };
        return prompt.Length / Median("reading a prompt", () => { }, () => Time(() => new TextGenerator(model).Generate(prompt, options, context.Cancellation).Count()));
    }

    /// <summary>New tokens after a short prompt: tokens a second, the first not counted.</summary>
    public double Generate()
    {
        var prompt = RandomTokens(stream: 1001, Math.Min(ShortPrompt, model.Config.ContextLength / 2));
        var options = new GenerationOptions { MaxNewTokens = Math.Min(NewTokens, model.Config.ContextLength - prompt.Length), StopTokens = [] };
        return (options.MaxNewTokens - 1) / Median("generating", () => _bandwidthLimits.Add(limits.MemoryBandwidthGBs()), () =>
        {
            using var text = new TextGenerator(model).Generate(prompt, options, context.Cancellation).GetEnumerator();
            text.MoveNext();
            return Time(() =>
            {
                while (text.MoveNext()) { }
            });
        });
    }

    /// <summary>Weights that each token is multiplied with: all linear layers, a tied output head too.</summary>
    public long MatrixWeights => model.Modules.OfType<Linear>().Sum(layer => (long)layer.Spec.In * layer.Spec.Out);

    /// <summary>Bytes of weights and adapter that a generated token reads.</summary>
    public long BytesPerToken => model.Modules.OfType<Linear>().Sum(layer => layer.Weight.Parameter?.Value.Bytes ?? layer.Weight.Bytes)
        + (model.Adapters.Active?.Parameters.Sum(parameter => parameter.Value.Bytes) ?? 0);

    private static double Time(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private void MeasureFlopLimit() =>
        _flopLimits.Add((model.ComputeDType == DType.BFloat16 ? limits.BFloat16Gflops() : null) ?? limits.Gflops());

    private double Median(string what, Action before, Func<double> run)
    {
        run(); // the first run compiles, and fills the memory pool
        var times = new double[repetitions];
        for (var i = 0; i < times.Length; i++)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Status.Show($"{what} {i + 1}/{times.Length}");
            before();
            times[i] = run();
        }

        Array.Sort(times);
        return (times[(times.Length - 1) / 2] + times[times.Length / 2]) / 2;
    }

    private int[] RandomTokens(ulong stream, int count)
        => [.. Enumerable.Range(0, count).Select(i => (int)(Philox.Uniform(Philox.Word(seed: 42, stream, (ulong)i)) * model.Config.VocabSize))];
}
