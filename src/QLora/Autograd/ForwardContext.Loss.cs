using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

public sealed partial class ForwardContext
{
    private const int LogitsChunkBytes = 32 << 20, FrugalLogitsChunkBytes = 20 << 20;

    // The whole head is read for each chunk, twice: of fewer rows than these it is read for too little, however large the vocabulary.
    private const int FewestLogitsRows = 64;

    /// <summary>The summed cross-entropy of the batch's supervised tokens, as <see cref="CrossEntropy"/> adds it up; waits for it.</summary>
    /// <param name="hidden">(tokens, hidden).</param>
    /// <param name="head">The output head.</param>
    /// <param name="gradientScale">As there.</param>
    /// <param name="onLogits">As there.</param>
    public double CrossEntropySum(Activation hidden, Linear head, float gradientScale = 1, Action<Tensor, ReadOnlyMemory<int>>? onLogits = null)
    {
        using var sums = Backend.NewSums();
        CrossEntropy(hidden, head, sums, gradientScale, onLogits);
        return Backend.Total(sums);
    }

    /// <summary>
    /// Adds the cross-entropy of the batch's supervised tokens to an accumulator, head and loss in one and in chunks of rows: only supervised rows are multiplied, and no more
    /// logits than 32 MiB exist at once, or 20 where blocks keep only their inputs, or those of 64 rows. When recording, the gradient of <paramref name="gradientScale"/> times the sum goes to the hidden states and to what
    /// the head trains; then <see cref="Backward"/> carries it on.
    /// </summary>
    /// <param name="hidden">(tokens, hidden).</param>
    /// <param name="head">The output head.</param>
    /// <param name="sums">(<see cref="QLora.Backends.Backend.SumParts"/>) Float64.</param>
    /// <param name="gradientScale">Usually one over the number of supervised tokens of the optimizer step.</param>
    /// <param name="onLogits">Called with each chunk's logits (rows, vocabulary) and targets before they become gradients.</param>
    public void CrossEntropy(Activation hidden, Linear head, Tensor sums, float gradientScale = 1, Action<Tensor, ReadOnlyMemory<int>>? onLogits = null)
    {
        var (rows, targets) = (Batch.SupervisedRows, Batch.Targets);
        if (rows.Length == 0) return;
        var most = (_options.Checkpointing == GradientCheckpointing.None ? LogitsChunkBytes : FrugalLogitsChunkBytes) / (sizeof(float) * head.Spec.Out);
        most = Math.Min(Math.Max(most, FewestLogitsRows), rows.Length);
        var chunks = (rows.Length + most - 1) / most;
        var chunk = (rows.Length + chunks - 1) / chunks; // none of a few rows, for which the whole head is read
        using var allRows = Backend.Upload<int>(new Shape(rows.Length), DType.Int32, rows);
        using var allLabels = Backend.Upload<int>(new Shape(rows.Length), DType.Int32, targets);
        using var losses = Backend.Allocate(new Shape(rows.Length));
        Tensor? gradient = IsRecording && hidden.NeedsGradient ? hidden.GradientToWrite(out _) : null;
        if (gradient is { } cleared) Backend.Clear(cleared);

        for (var start = 0; start < rows.Length; start += chunk)
        {
            var count = Math.Min(chunk, rows.Length - start);
            var (rowIds, labels) = (allRows.Slice(start, count), allLabels.Slice(start, count));
            var x = NewActivation(Backend.Allocate(new Shape(count, hidden.Shape.Columns), hidden.DType), ownsValue: true, hidden.NeedsGradient);
            Backend.Embedding(rowIds, hidden.Value, x.Value);

            var product = Node<LinearNode>().Of(head, x, DType.Float32);
            var logits = product.Forward();
            using var capped = CapLogits(logits.Value, IsRecording && logits.NeedsGradient);
            onLogits?.Invoke(logits.Value, targets.AsMemory(start, count));
            Backend.CrossEntropy(logits.Value, labels, losses.Slice(start, count), IsRecording ? gradientScale : null);
            if (IsRecording && logits.NeedsGradient)
            {
                product.Output = logits;
                UncapGradient(logits.Value, capped);
                logits.ContributeGradient(logits.TakeValue(out var owned), owned);
                product.Backward();
                if (gradient is { } whole) Backend.EmbeddingBackward(rowIds, x.Gradient!.Value, whole);
            }

            product.Release();
            logits.ReleaseValue();
            logits.ReleaseGradient();
            x.ReleaseValue();
            x.ReleaseGradient();
        }

        Backend.Sum(losses, sums);
    }

    /// <summary>The logits of some hidden states; nothing is recorded for them.</summary>
    /// <param name="hidden">(tokens, hidden), after the final norm.</param>
    /// <param name="head">The output head.</param>
    /// <returns>(tokens, vocabulary) Float32.</returns>
    /// <exception cref="InvalidOperationException">The pass records.</exception>
    public Activation Logits(Activation hidden, Linear head)
    {
        if (IsRecording) throw new InvalidOperationException("logits are not recorded; train with CrossEntropySum");
        var logits = Apply(Node<LinearNode>().Of(head, hidden, DType.Float32));
        CapLogits(logits.Value, keep: false);
        return logits;
    }

    /// <summary>What the model does with its logits: a factor, and a cap that they stay below.</summary>
    /// <returns>A copy of the result, which the gradient needs, when there is a cap and it is to be kept.</returns>
    private Tensor? CapLogits(Tensor logits, bool keep)
    {
        if (_model.Config.LogitScale != 1) Backend.Scale(logits, _model.Config.LogitScale);
        if (_model.Config.LogitSoftCap == 0) return null;
        Backend.SoftCap(logits, _model.Config.LogitSoftCap);
        if (!keep) return null;
        var copy = Backend.Allocate(logits.Shape);
        Backend.Copy(logits, copy);
        return copy;
    }

    private void UncapGradient(Tensor gradient, Tensor? capped)
    {
        if (capped is { } values) Backend.SoftCapBackward(values, gradient, _model.Config.LogitSoftCap);
        if (_model.Config.LogitScale != 1) Backend.Scale(gradient, _model.Config.LogitScale);
    }
}
