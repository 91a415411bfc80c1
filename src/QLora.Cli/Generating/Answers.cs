using QLora.Cli.Frame;
using QLora.Cli.Options;
using QLora.Data;
using QLora.Generation;
using QLora.Models;

namespace QLora.Cli.Generating;

/// <summary>A model's answers to all of a dataset, with progress.</summary>
internal static class Answers
{
    /// <summary>Has the model answer every example.</summary>
    public static IReadOnlyList<GeneratedAnswer> To(Dataset data, CommandContext context, CausalLanguageModel model, ModelText text)
    {
        var (answers, exact) = (new List<GeneratedAnswer>(data.Examples.Count), 0);
        foreach (var answer in AnswerEvaluator.Answer(model, text.Tokenizer, data, text.StopTokens, context.Cancellation))
        {
            answers.Add(answer);
            if (answer.IsExact) exact++;
            context.Status.Show($"answering {answers.Count}/{data.Examples.Count}  {exact} exact");
        }

        return answers;
    }

    /// <summary>The share of exact ones, from 0 to 1.</summary>
    public static double ExactShare(this IReadOnlyCollection<GeneratedAnswer> answers) => (double)answers.Count(answer => answer.IsExact) / answers.Count;
}
