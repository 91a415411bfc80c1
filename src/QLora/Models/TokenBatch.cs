using QLora.Backends;

namespace QLora.Models;

/// <summary>
/// The input of a pass: sequences one after another without padding, each attending only to itself, and which next tokens the loss counts.
/// </summary>
public sealed class TokenBatch
{
    /// <summary>A label that the loss leaves out, as in Hugging Face.</summary>
    public const int Ignored = -100;

    private TokenBatch(int[] ids, int[] positions, AttentionSegment[] segments, int[] supervisedRows, int[] targets)
    {
        (Ids, Positions, Segments, SupervisedRows, Targets) = (ids, positions, segments, supervisedRows, targets);
        MaxLength = segments.Max(segment => segment.QueryCount);
    }

    /// <summary>The tokens of all sequences.</summary>
    public int[] Ids { get; }

    /// <summary>The position of every token in its sequence.</summary>
    public int[] Positions { get; }

    /// <summary>Where each sequence stands.</summary>
    public AttentionSegment[] Segments { get; }

    /// <summary>The rows whose prediction the loss counts, ascending.</summary>
    public int[] SupervisedRows { get; }

    /// <summary>For each of <see cref="SupervisedRows"/>, the token that should follow.</summary>
    public int[] Targets { get; }

    /// <summary>The number of tokens.</summary>
    public int TokenCount => Ids.Length;

    /// <summary>The longest sequence.</summary>
    public int MaxLength { get; }

    /// <summary>A batch of one unlabelled sequence.</summary>
    public static TokenBatch Of(ReadOnlySpan<int> ids) => Create([(ids.ToArray(), null)]);

    /// <summary>A batch of sequences.</summary>
    /// <param name="sequences">
    /// Token ids and labels, of the same length and not shifted: label i counts for the prediction made at token i − 1, and <see cref="Ignored"/> does not. Null labels are all ignored.
    /// </param>
    /// <exception cref="ArgumentException">There is no sequence, one is empty, or its labels have another length.</exception>
    public static TokenBatch Create(IReadOnlyList<(int[] Ids, int[]? Labels)> sequences)
    {
        if (sequences.Count == 0) throw new ArgumentException("a batch needs at least one sequence");
        var ids = new List<int>();
        var segments = new AttentionSegment[sequences.Count];
        List<int> rows = [], targets = [];
        for (var s = 0; s < segments.Length; s++)
        {
            var (tokens, labels) = sequences[s];
            if (tokens.Length == 0) throw new ArgumentException($"sequence {s} is empty");
            if (labels is not null && labels.Length != tokens.Length) throw new ArgumentException($"sequence {s} has {tokens.Length} tokens and {labels.Length} labels");
            segments[s] = new AttentionSegment(ids.Count, tokens.Length, ids.Count, tokens.Length);
            for (var i = 1; i < tokens.Length && labels is not null; i++)
            {
                if (labels[i] == Ignored) continue;
                rows.Add(ids.Count + i - 1);
                targets.Add(labels[i]);
            }

            ids.AddRange(tokens);
        }

        return new TokenBatch([.. ids], [.. segments.SelectMany(segment => Enumerable.Range(0, segment.QueryCount))], segments, [.. rows], [.. targets]);
    }

    /// <summary>A batch from rectangular arrays as Hugging Face makes them; padded places are left out of it.</summary>
    /// <param name="ids">(rows, length) flattened.</param>
    /// <param name="mask">(rows, length) flattened: 1 for a token, 0 for padding on either side.</param>
    /// <param name="labels">(rows, length) flattened, or null.</param>
    /// <param name="length">The row length.</param>
    /// <exception cref="QLoraException">A row has no token, or padding between tokens.</exception>
    public static TokenBatch FromPadded(ReadOnlySpan<long> ids, ReadOnlySpan<long> mask, ReadOnlySpan<long> labels, int length)
    {
        var sequences = new List<(int[], int[]?)>();
        for (var start = 0; start < ids.Length; start += length)
        {
            var row = mask.Slice(start, length);
            var (first, last) = (row.IndexOf(1), row.LastIndexOf(1));
            if (first < 0) throw new QLoraException($"attention_mask: row {start / length} has no token");
            var range = new Range(start + first, start + last + 1);
            if (mask[range].Contains(0)) throw new QLoraException($"attention_mask: row {start / length} has padding between tokens");
            sequences.Add((ToInts(ids[range]), labels.IsEmpty ? null : ToInts(labels[range])));
        }

        return Create(sequences);
    }

    /// <summary>The positions when <paramref name="offset"/> tokens came before each sequence.</summary>
    internal int[] PositionsFrom(int offset)
    {
        if (offset == 0) return Positions;
        var positions = (int[])Positions.Clone();
        foreach (ref var position in positions.AsSpan()) position += offset;
        return positions;
    }

    /// <summary>Refuses tokens that the model does not know, before a backend reads outside its table.</summary>
    internal void CheckFits(int vocabulary)
    {
        foreach (var id in Ids)
        {
            if ((uint)id >= (uint)vocabulary) throw new QLoraException($"token id {id} is not in the model's vocabulary of {vocabulary}");
        }

        foreach (var id in Targets)
        {
            if ((uint)id >= (uint)vocabulary) throw new QLoraException($"label {id} is not in the model's vocabulary of {vocabulary}");
        }
    }

    private static int[] ToInts(ReadOnlySpan<long> values)
    {
        var ints = new int[values.Length];
        for (var i = 0; i < ints.Length; i++) ints[i] = checked((int)values[i]);
        return ints;
    }
}
