namespace QLora.Text.Tokenizers;

/// <summary>
/// Byte-pair encoding in O(n log n). Microsoft.ML.Tokenizers takes merged symbols out of an array one at a time, which is quadratic: with SmolLM2's vocabulary a word of
/// 400,000 letters took it 20 s of processor time, and this 0.15 s.
/// </summary>
internal sealed class LongWordMerger
{
    private readonly Merge[] _merges;
    private readonly Dictionary<(int Left, int Right), int> _ranks;

    public LongWordMerger(Merge[] merges)
    {
        _merges = merges;
        _ranks = new Dictionary<(int, int), int>(merges.Length);
        for (var rank = 0; rank < merges.Length; rank++) _ranks.Add((merges[rank].Left, merges[rank].Right), rank);
    }

    /// <summary>Applies the merges: the first rule first, and of its places the leftmost.</summary>
    /// <param name="symbols">The word's characters; afterwards its tokens are at the front.</param>
    /// <param name="steps">How many places were looked at, at most three for each character.</param>
    /// <returns>How many tokens there are.</returns>
    public int Apply(Span<WordToken> symbols, out int steps)
    {
        // Symbols that are left are linked; one that was merged into another has no length.
        var next = new int[symbols.Length];
        var previous = new int[symbols.Length];
        var places = new PriorityQueue<int, long>(symbols.Length);
        for (var i = 0; i < symbols.Length; i++)
        {
            (previous[i], next[i]) = (i - 1, i + 1);
            if (i > 0) Enqueue(places, symbols, i - 1, i);
        }

        steps = 0;
        while (places.TryDequeue(out var left, out var priority))
        {
            steps++;
            var right = next[left];
            var rank = (int)(priority >> 32);
            if (symbols[left].Length == 0 || right == symbols.Length || RankOf(symbols, left, right) != rank) continue;
            symbols[left] = symbols[left] with { Id = _merges[rank].Merged, Length = symbols[left].Length + symbols[right].Length };
            symbols[right] = symbols[right] with { Length = 0 };
            next[left] = next[right];
            if (next[left] < symbols.Length)
            {
                previous[next[left]] = left;
                Enqueue(places, symbols, left, next[left]);
            }

            if (previous[left] >= 0) Enqueue(places, symbols, previous[left], left);
        }

        var count = 0;
        for (var i = 0; i < symbols.Length; i = next[i]) symbols[count++] = symbols[i];
        return count;
    }

    private void Enqueue(PriorityQueue<int, long> places, ReadOnlySpan<WordToken> symbols, int left, int right)
    {
        if (RankOf(symbols, left, right) is var rank and >= 0) places.Enqueue(left, ((long)rank << 32) | (uint)left);
    }

    private int RankOf(ReadOnlySpan<WordToken> symbols, int left, int right) => _ranks.GetValueOrDefault((symbols[left].Id, symbols[right].Id), -1);
}
