using QLora.Models;

namespace QLora.Data;

/// <summary>The examples of a file of JSON lines, in the file's order. Every line makes one; a line that can't is an error.</summary>
public sealed class Dataset
{
    private Dataset(string path, IReadOnlyList<TrainingExample> examples, int truncated)
    {
        Path = path;
        Examples = examples;
        TruncatedExamples = truncated;
        Tokens = examples.Sum(example => (long)example.InputIds.Length);
        SupervisedTokens = examples.Sum(example => (long)example.SupervisedTokens);
        LongestExample = examples.Max(example => example.InputIds.Length);
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The examples.</summary>
    public IReadOnlyList<TrainingExample> Examples { get; }

    /// <summary>How many examples were longer than allowed and lost their end.</summary>
    public int TruncatedExamples { get; }

    /// <summary>The tokens of all examples.</summary>
    public long Tokens { get; }

    /// <summary>The labels of all examples that count in the loss.</summary>
    public long SupervisedTokens { get; }

    /// <summary>The tokens of the longest example.</summary>
    public int LongestExample { get; }

    /// <summary>Reads a whole file.</summary>
    /// <param name="path">
    /// The file: JSON lines with <c>messages</c> (and <c>tools</c>), <c>prompt</c> and <c>completion</c>, <c>text</c>, or <c>input_ids</c> and <c>labels</c>;
    /// the forms may be mixed, and blank lines may stand at the end only.
    /// </param>
    /// <param name="builder">What makes examples of them.</param>
    /// <exception cref="QLoraException">
    /// The file can't be read or is empty, a line is malformed or has nothing left to learn from (the message names it), or no token of the whole set is supervised.
    /// </exception>
    public static Dataset Load(string path, ExampleBuilder builder)
    {
        List<TrainingExample> examples = [];
        var truncated = 0;
        foreach (var encoded in Read(path, builder))
        {
            examples.Add(encoded.Example);
            if (encoded.IsTruncated) truncated++;
        }

        if (examples.Count == 0) throw new QLoraException($"{path} has no examples; expected one JSON object a line");
        if (examples.All(example => example.SupervisedTokens == 0))
        {
            throw new QLoraException($"{path}: no token of its {examples.Count} examples is supervised, so there is nothing to learn; every label is {TokenBatch.Ignored}");
        }

        return new Dataset(path, examples, truncated);
    }

    /// <summary>Reads a file's examples one at a time, with their text.</summary>
    /// <param name="path">The file, as in <see cref="Load"/>.</param>
    /// <param name="builder">What makes examples of its lines.</param>
    /// <exception cref="QLoraException">When it is reached: the file can't be read, or a line is malformed or has nothing left to learn from.</exception>
    public static IEnumerable<EncodedExample> Read(string path, ExampleBuilder builder)
    {
        foreach (var (line, value) in JsonLines.Read(path))
        {
            EncodedExample example;
            try
            {
                example = builder.Build(DataRowReader.Read(value));
            }
            catch (QLoraException e)
            {
                throw DataError.At(path, line, e.Message, e);
            }

            yield return example;
        }
    }
}
