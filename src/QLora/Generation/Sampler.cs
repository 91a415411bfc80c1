using System.Numerics.Tensors;
using QLora.Backends;

namespace QLora.Generation;

/// <summary>
/// Chooses tokens from logits, one after another: the repetition penalty, temperature, top-k, top-p and min-p of transformers' logits processors, then a draw. Nothing is
/// allocated per token. Draw n depends on (seed, n) alone.
/// </summary>
public sealed class Sampler
{
    // Keeps these random words apart from those of dropout masks, whose streams are small numbers.
    private const ulong DrawStream = 0x5341_4D50_0000_0000;

    private readonly GenerationOptions _options;
    private readonly bool[] _isSeen;
    private readonly List<int> _seen = [];
    private readonly int[] _candidates; // the tokens that may be drawn
    private readonly float[] _weights; // e^(logit / temperature) of each, up to a common factor
    private readonly PriorityQueue<int, float>? _best; // the k most likely, the least of them first
    private int _count;
    private ulong _draws;

    /// <summary>A sampler that has seen no token yet.</summary>
    /// <param name="options">The filters.</param>
    /// <param name="vocabulary">The number of logits.</param>
    /// <exception cref="QLoraException">A setting is out of range.</exception>
    public Sampler(GenerationOptions options, int vocabulary)
    {
        _options = options.Validated();
        _isSeen = options.RepetitionPenalty == 1 ? [] : new bool[vocabulary];
        _candidates = IsGreedy ? [] : new int[vocabulary];
        _weights = IsGreedy ? [] : new float[vocabulary];
        if (!IsGreedy && options.TopK < vocabulary) _best = new PriorityQueue<int, float>(options.TopK.Value);
    }

    private bool IsGreedy => _options.Temperature == 0;

    /// <summary>Tells it tokens of the text, of which the repetition penalty takes notice.</summary>
    public void Observe(ReadOnlySpan<int> tokens)
    {
        if (_isSeen.Length == 0) return;
        foreach (var token in tokens)
        {
            if (_isSeen[token]) continue;
            _isSeen[token] = true;
            _seen.Add(token);
        }
    }

    /// <summary>The next token.</summary>
    /// <param name="logits">One for each token; used up.</param>
    /// <exception cref="QLoraException">The logits are not finite.</exception>
    public int Next(Span<float> logits)
    {
        Penalise(logits);
        if (IsGreedy) return MostLikely(logits);
        Filter(logits);

        var (w0, w1, _, _) = Philox.Block(_options.Seed, DrawStream, _draws++);
        var uniform = (((ulong)w0 << 32) | w1) * (1 / 18446744073709551616.0);
        var left = uniform * Total();
        for (var i = 0; i < _count - 1; i++)
        {
            left -= _weights[i];
            if (left < 0) return _candidates[i];
        }

        return _candidates[_count - 1];
    }

    /// <summary>The distribution that the next token is drawn from; only where the temperature is above 0.</summary>
    /// <param name="logits">One for each token; used up.</param>
    /// <param name="probabilities">Takes the probability of each token.</param>
    internal void Probabilities(Span<float> logits, Span<float> probabilities)
    {
        Penalise(logits);
        Filter(logits);
        probabilities.Clear();
        var total = Total();
        for (var i = 0; i < _count; i++) probabilities[_candidates[i]] = (float)(_weights[i] / total);
    }

    private void Penalise(Span<float> logits)
    {
        var penalty = (float)_options.RepetitionPenalty;
        foreach (var token in _seen) logits[token] = logits[token] < 0 ? logits[token] * penalty : logits[token] / penalty;
    }

    /// <summary>The first of the largest logits.</summary>
    private static int MostLikely(ReadOnlySpan<float> logits)
    {
        var best = TensorPrimitives.IndexOfMax(logits);
        return float.IsFinite(logits[best]) ? best : throw new QLoraException($"a logit is {logits[best]}: the model or the adapter is broken");
    }

    /// <summary>Collects the tokens that may be drawn, and their weights.</summary>
    private void Filter(Span<float> logits)
    {
        var largest = logits[MostLikely(logits)];
        var smallest = _best is null ? float.NegativeInfinity : SmallestOfBest(logits);
        _count = 0;
        for (var token = 0; token < logits.Length; token++)
        {
            if (logits[token] < smallest) continue;
            _candidates[_count] = token;
            _weights[_count++] = logits[token];
        }

        var weights = _weights.AsSpan(0, _count);
        TensorPrimitives.Subtract(weights, largest, weights);
        TensorPrimitives.Divide(weights, (float)Math.Max(_options.Temperature, float.Epsilon), weights);
        TensorPrimitives.Exp(weights, weights);
        if (_options.TopP is { } topP and < 1) KeepNucleus(1 - topP);
        if (_options.MinP is { } minP) KeepAbove((float)minP);
    }

    private float SmallestOfBest(ReadOnlySpan<float> logits)
    {
        var (best, count) = (_best!, _options.TopK!.Value);
        best.Clear();
        var smallest = float.NegativeInfinity;
        for (var token = 0; token < logits.Length; token++)
        {
            if (best.Count < count) best.Enqueue(token, logits[token]);
            else if (logits[token] > smallest) best.EnqueueDequeue(token, logits[token]);
            else continue;
            best.TryPeek(out _, out smallest);
        }

        return smallest;
    }

    /// <summary>
    /// Drops the least likely tokens that together have no more than a share of the weight. Those that do not exceed an even part of the share are certain to be among
    /// them, and only the others are sorted.
    /// </summary>
    private void KeepNucleus(double share)
    {
        var dropped = 0.0;
        var most = share * Total();
        var even = most / (_count + 1); // the largest weight exceeds it
        var kept = 0;
        for (var i = 0; i < _count; i++)
        {
            if (_weights[i] > even) (_weights[kept], _candidates[kept++]) = (_weights[i], _candidates[i]);
            else dropped += _weights[i];
        }

        Array.Sort(_weights, _candidates, 0, kept);
        var first = 0;
        while (first < kept - 1 && dropped + _weights[first] <= most) dropped += _weights[first++];
        Array.Copy(_weights, first, _weights, 0, kept - first);
        Array.Copy(_candidates, first, _candidates, 0, kept - first);
        _count = kept - first;
    }

    /// <summary>Keeps what has a share of the largest weight, which is 1.</summary>
    private void KeepAbove(float share)
    {
        var kept = 0;
        for (var i = 0; i < _count; i++)
        {
            if (_weights[i] >= share) (_weights[kept], _candidates[kept++]) = (_weights[i], _candidates[i]);
        }

        _count = kept;
    }

    private double Total()
    {
        var sum = 0.0;
        for (var i = 0; i < _count; i++) sum += _weights[i];
        return sum;
    }
}
