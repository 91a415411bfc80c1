using System.Buffers;
using System.Numerics.Tensors;
using QLora.Autograd;
using QLora.Data;
using QLora.Models;
using QLora.Tensors;
using Tensor = QLora.Tensors.Tensor;

namespace QLora.Training;

/// <summary>Measures a model, with the adapter in use, on examples: passes without gradients and without dropout, logits in chunks.</summary>
public static class Evaluator
{
    /// <summary>Tokens that share a pass unless told otherwise.</summary>
    public const int TokensPerBatch = 1024;

    /// <summary>Loss, perplexity and token accuracy over the supervised tokens of all examples.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">The examples.</param>
    /// <param name="tokensPerBatch">As many consecutive examples share a pass as fit into so many tokens; a longer one has a pass of its own.</param>
    /// <param name="progress">Told the share of the examples that is done, from 0 to 1.</param>
    /// <param name="cancellation">Looked at before every pass.</param>
    /// <exception cref="QLoraException">A token is not in the model's vocabulary.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static EvaluationResult Evaluate(
        CausalLanguageModel model, Dataset data, int tokensPerBatch = TokensPerBatch, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        var sum = 0.0;
        var accuracy = new AccuracyCounter(model);
        var done = 0;
        using var context = new ForwardContext(model);
        foreach (var row in ExampleRows.Pack(data.Examples, tokensPerBatch))
        {
            cancellation.ThrowIfCancellationRequested();
            context.Begin(ExampleRows.Batch(data.Examples, row));
            sum += context.CrossEntropySum(model.Forward(context), model.LmHead, onLogits: accuracy.Count);
            context.End();
            progress?.Report((double)(done += row.Length) / data.Examples.Count);
        }

        return new EvaluationResult(sum / data.SupervisedTokens, (double)accuracy.Hits / data.SupervisedTokens, data.SupervisedTokens);
    }

    private sealed class AccuracyCounter(CausalLanguageModel model)
    {
        public long Hits { get; private set; }

        public void Count(Tensor logits, ReadOnlyMemory<int> targets)
        {
            if (logits.Buffer is HostBuffer)
            {
                Count(logits.Span<float>(), targets.Span);
                return;
            }

            var values = ArrayPool<float>.Shared.Rent(checked((int)logits.Count));
            model.Backend.CopyToHost(logits, values.AsSpan(0, (int)logits.Count));
            Count(values.AsSpan(0, (int)logits.Count), targets.Span);
            ArrayPool<float>.Shared.Return(values);
        }

        private void Count(ReadOnlySpan<float> logits, ReadOnlySpan<int> targets)
        {
            var vocabulary = logits.Length / targets.Length;
            for (var i = 0; i < targets.Length; i++)
            {
                if (TensorPrimitives.IndexOfMax(logits.Slice(i * vocabulary, vocabulary)) == targets[i]) Hits++;
            }
        }
    }
}
