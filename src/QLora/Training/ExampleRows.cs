using QLora.Data;
using QLora.Models;

namespace QLora.Training;

/// <summary>Which examples stand together: a row is a run of consecutive ones, by their indices.</summary>
internal static class ExampleRows
{
    /// <summary>Every example in a row of its own.</summary>
    public static List<int[]> Single(IReadOnlyList<TrainingExample> examples) => [.. Enumerable.Range(0, examples.Count).Select(index => new[] { index })];

    /// <summary>Rows as long as possible: an example goes into the row of the one before it as long as that has at most <paramref name="length"/> tokens then.</summary>
    public static List<int[]> Pack(IReadOnlyList<TrainingExample> examples, int length)
    {
        List<int[]> rows = [];
        for (int start = 0, end; start < examples.Count; start = end)
        {
            var tokens = examples[start].InputIds.Length;
            for (end = start + 1; end < examples.Count && (tokens += examples[end].InputIds.Length) <= length; end++) { }
            rows.Add([.. Enumerable.Range(start, end - start)]);
        }

        return rows;
    }

    /// <summary>The examples of some rows as the input of a pass, in which each attends to itself only.</summary>
    public static TokenBatch Batch(IReadOnlyList<TrainingExample> examples, params ReadOnlySpan<int[]> rows)
    {
        var sequences = new List<(int[], int[]?)>();
        foreach (var row in rows)
        {
            foreach (var index in row) sequences.Add((examples[index].InputIds, examples[index].Labels));
        }

        return TokenBatch.Create(sequences);
    }
}
