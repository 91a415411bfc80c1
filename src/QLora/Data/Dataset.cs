using QLora.Models;

namespace QLora.Data;

/// <summary>
/// Examples in order: those of a file of JSON lines, of which every line makes one and a line that can't is an error, or those that a program made itself.
/// </summary>
public sealed class Dataset
{
    private Dataset(string path, IReadOnlyList<TrainingExample> examples, int maxLength, int truncated)
    {
        if (examples.Count == 0) throw new QLoraException($"{path} has no examples; expected one JSON object a line");
        if (examples.All(example => example.SupervisedTokens == 0))
        {
            throw new QLoraException($"{path}: no token of its {examples.Count} examples is supervised, so there is nothing to learn; every label is {TokenBatch.Ignored}");
        }

        Path = path;
        Examples = examples;
        MaxLength = maxLength;
        TruncatedExamples = truncated;
        Tokens = examples.Sum(example => (long)example.InputIds.Length);
        SupervisedTokens = examples.Sum(example => (long)example.SupervisedTokens);
        LongestExample = examples.Max(example => example.InputIds.Length);
    }

    /// <summary>The file, or the name that the program gave.</summary>
    public string Path { get; }

    /// <summary>The examples.</summary>
    public IReadOnlyList<TrainingExample> Examples { get; }

    /// <summary>The tokens that an example may have; as long are the rows of packed examples.</summary>
    public int MaxLength { get; }

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

        return new Dataset(path, examples, builder.MaxLength, truncated);
    }

    /// <summary>Examples that a program made itself.</summary>
    /// <param name="name">What messages call them.</param>
    /// <param name="examples">The examples, at least one; none is cut.</param>
    /// <exception cref="QLoraException">There is none, or no token of the whole set is supervised.</exception>
    public static Dataset Of(string name, IReadOnlyList<TrainingExample> examples)
        => new(name, examples, examples.Select(example => example.InputIds.Length).DefaultIfEmpty().Max(), truncated: 0);

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
