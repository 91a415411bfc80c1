using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

public sealed partial class ForwardContext
{
    private const int LogitsChunkBytes = 32 << 20;

    /// <summary>
    /// The summed cross-entropy of the batch's supervised tokens, head and loss in one and in chunks of rows: only supervised rows are multiplied, and no more
    /// logits than 32 MiB exist at once. When recording, the gradient of <paramref name="gradientScale"/> times the sum goes to the hidden states and to what
    /// the head trains; then <see cref="Backward"/> carries it on.
    /// </summary>
    /// <param name="hidden">(tokens, hidden).</param>
    /// <param name="head">The output head.</param>
    /// <param name="gradientScale">Usually one over the number of supervised tokens of the optimizer step.</param>
    /// <param name="onLogits">Called with each chunk's logits (rows, vocabulary) and targets before they become gradients.</param>
    /// <returns>The sum of the losses.</returns>
    public double CrossEntropySum(Activation hidden, Linear head, float gradientScale = 1, Action<Tensor, ReadOnlyMemory<int>>? onLogits = null)
    {
        var (rows, targets) = (Batch.SupervisedRows, Batch.Targets);
        if (rows.Length == 0) return 0;
        var chunk = Math.Clamp(LogitsChunkBytes / (sizeof(float) * head.Spec.Out), 1, rows.Length);
        var losses = Backend.Allocate(new Shape(rows.Length));
        Tensor? gradient = IsRecording && hidden.NeedsGradient ? hidden.GradientToWrite(out _) : null;
        if (gradient is { } cleared) Backend.Clear(cleared);

        for (var start = 0; start < rows.Length; start += chunk)
        {
            var count = Math.Min(chunk, rows.Length - start);
            var rowIds = Backend.Upload<int>(new Shape(count), DType.Int32, rows.AsSpan(start, count));
            var labels = Backend.Upload<int>(new Shape(count), DType.Int32, targets.AsSpan(start, count));
            var x = new Activation(Backend, Backend.Allocate(new Shape(count, hidden.Shape.Columns)), ownsValue: true, hidden.NeedsGradient);
            Backend.Embedding(rowIds, hidden.Value, x.Value);

            var product = new LinearNode(this, head, x);
            var logits = product.Forward();
            onLogits?.Invoke(logits.Value, targets.AsMemory(start, count));
            Backend.CrossEntropy(logits.Value, labels, losses.Slice(start, count), IsRecording ? gradientScale : null);
            if (IsRecording && logits.NeedsGradient)
            {
                product.Output = logits;
                logits.ContributeGradient(logits.TakeValue(out var owned), owned);
                product.Backward();
                if (gradient is { } whole) Backend.EmbeddingBackward(rowIds, x.Gradient!.Value, whole);
            }

            product.Release();
            logits.ReleaseValue();
            logits.ReleaseGradient();
            x.ReleaseValue();
            x.ReleaseGradient();
            rowIds.Dispose();
            labels.Dispose();
        }

        var sum = Sum(losses);
        losses.Dispose();
        return sum;
    }

    private double Sum(Tensor losses)
    {
        var values = new float[losses.Count];
        Backend.CopyToHost(losses, values.AsSpan());
        var sum = 0.0;
        foreach (var value in values) sum += value;
        return sum;
    }
}
