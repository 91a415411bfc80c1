using QLora.Backends;

namespace QLora.Data;

/// <summary>
/// In which order examples are trained on: every example once an epoch, in an order that depends on (seed, epoch) alone, so that a resumed run goes on as it would have.
/// An optimizer step takes batchSize × gradientAccumulationSteps examples; the last of an epoch takes what is left.
/// </summary>
public sealed class DataOrder
{
    // Keeps these random words apart from those of dropout masks, whose streams are small numbers.
    private const ulong ShuffleStream = 0x5348_5546_0000_0000;

    private readonly int _examples;
    private readonly int _batchSize;
    private readonly int _stepSize;
    private readonly ulong _seed;
    private readonly bool _shuffle;

    /// <summary>Creates the order of a dataset.</summary>
    /// <param name="examples">How many examples there are, at least 1.</param>
    /// <param name="batchSize">Examples in a micro-batch, at least 1.</param>
    /// <param name="gradientAccumulationSteps">Micro-batches in an optimizer step, at least 1.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="shuffle">Whether each epoch has an order of its own; else it is the dataset's.</param>
    /// <exception cref="QLoraException">A size is out of range.</exception>
    public DataOrder(int examples, int batchSize, int gradientAccumulationSteps, ulong seed, bool shuffle)
    {
        if (examples < 1) throw new QLoraException("the dataset has no examples");
        if (batchSize < 1) throw new QLoraException($"--batch-size is {batchSize}, expected at least 1");
        if (gradientAccumulationSteps < 1) throw new QLoraException($"--gradient-accumulation-steps is {gradientAccumulationSteps}, expected at least 1");
        _examples = examples;
        _batchSize = batchSize;
        _stepSize = (int)Math.Min((long)batchSize * gradientAccumulationSteps, examples);
        _seed = seed;
        _shuffle = shuffle;
    }

    /// <summary>Optimizer steps in an epoch.</summary>
    public int StepsPerEpoch => (_examples + _stepSize - 1) / _stepSize;

    /// <summary>The steps from <paramref name="firstStep"/> on, without end.</summary>
    /// <param name="firstStep">Counted from 0 over all epochs.</param>
    public IEnumerable<StepBatches> From(long firstStep)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstStep);
        var epoch = checked((int)(firstStep / StepsPerEpoch));
        for (var step = (int)(firstStep % StepsPerEpoch); ; epoch++, step = 0)
        {
            var order = Permutation(epoch);
            for (; step < StepsPerEpoch; step++)
            {
                var examples = order.Skip(step * _stepSize).Take(_stepSize);
                yield return new StepBatches(epoch, [.. examples.Chunk(_batchSize)]);
            }
        }
    }

    /// <summary>The order of an epoch, counted from 0: every example's index once.</summary>
    public int[] Permutation(int epoch)
    {
        var order = Enumerable.Range(0, _examples).ToArray();
        if (!_shuffle) return order;
        for (var i = order.Length - 1; i > 0; i--)
        {
            // Fisher and Yates: with a word of 64 bits the bias of this scaling is beyond notice.
            var (low, high, _, _) = Philox.Block(_seed, ShuffleStream + (uint)epoch, (ulong)i);
            var j = (int)Math.BigMul(((ulong)high << 32) | low, (ulong)i + 1, out _);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }
}

/// <summary>What one optimizer step trains on.</summary>
/// <param name="Epoch">Counted from 0.</param>
/// <param name="MicroBatches">The indices of the examples of each micro-batch, in order.</param>
public sealed record StepBatches(int Epoch, IReadOnlyList<int[]> MicroBatches);
