using QLora.Data;
using QLora.Models;
using QLora.Text;

namespace QLora.Generation;

/// <summary>What a model answered where the data has an answer of its own.</summary>
/// <param name="Question">The text before the answer, without special tokens and the space around it.</param>
/// <param name="Expected">The data's answer, without special tokens and the space around it.</param>
/// <param name="Actual">The model's, likewise.</param>
public sealed record GeneratedAnswer(string Question, string Expected, string Actual)
{
    /// <summary>Whether they are the same.</summary>
    public bool IsExact => Expected == Actual;
}

/// <summary>Has a model answer what the examples of a dataset ask, and puts its answers beside theirs.</summary>
public static class AnswerEvaluator
{
    // An answer that is right may be spelt in a few more tokens than the data's.
    private const int Slack = 8;

    /// <summary>
    /// The greedy answer to each example: it is asked with all tokens before its last supervised part, and that part, up to a stop token, is the answer expected.
    /// </summary>
    /// <param name="model">The model, with the adapter in use.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="data">Conversations, or prompts with completions.</param>
    /// <param name="stopTokens">What ends an answer.</param>
    /// <param name="cancellation">Ends it before the next token.</param>
    /// <returns>Answers in the order of the data, each made when it is asked for.</returns>
    /// <exception cref="QLoraException">When it is reached: an example was cut, or has no answer, or nothing before it.</exception>
    public static IEnumerable<GeneratedAnswer> Answer(
        CausalLanguageModel model, Tokenizer tokenizer, Dataset data, IReadOnlyList<int> stopTokens, CancellationToken cancellation = default)
    {
        if (data.TruncatedExamples > 0) throw new QLoraException($"{data.Path}: {data.TruncatedExamples} examples are cut, and their answers with them; raise --max-length");
        var generator = new TextGenerator(model);
        for (var i = 0; i < data.Examples.Count; i++)
        {
            var (prompt, expected) = Split(data.Examples[i], stopTokens)
                ?? throw new QLoraException($"{data.Path}: example {i + 1} has no question before its answer; expected conversations, or prompts with completions");
            var options = new GenerationOptions { MaxNewTokens = expected.Length + Slack, StopTokens = stopTokens };
            var actual = generator.Generate(prompt, options, cancellation).ToArray();
            yield return new GeneratedAnswer(Text(prompt), Text(expected), Text(actual));
        }

        string Text(int[] ids) => tokenizer.Decode(ids, skipSpecialTokens: true).Trim();
    }

    /// <summary>The tokens before the last supervised part, and those of the part before its first stop token; null when either is empty.</summary>
    private static (int[] Prompt, int[] Answer)? Split(TrainingExample example, IReadOnlyList<int> stopTokens)
    {
        var end = example.Labels.Length;
        while (end > 0 && example.Labels[end - 1] == TokenBatch.Ignored) end--;
        var start = end;
        while (start > 0 && example.Labels[start - 1] != TokenBatch.Ignored) start--;
        if (start == 0 || start == end) return null;
        var answer = example.InputIds[start..end].TakeWhile(id => !stopTokens.Contains(id)).ToArray();
        return answer.Length == 0 ? null : (example.InputIds[..start], answer);
    }
}
