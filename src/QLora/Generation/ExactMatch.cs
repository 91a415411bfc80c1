using System.Text.Json;
using QLora.Data;
using QLora.Models;
using QLora.Text;

namespace QLora.Generation;

/// <summary>A question of a data set, the answer it has there, and the model's.</summary>
/// <param name="Question">The last thing said before the answer.</param>
/// <param name="Expected">The data's answer.</param>
/// <param name="Answer">The model's.</param>
public sealed record AnsweredQuestion(string Question, string Expected, string Answer)
{
    /// <summary>Whether both answers are the same, white space around them aside.</summary>
    public bool IsExact => Expected.AsSpan().Trim().SequenceEqual(Answer.AsSpan().Trim());
}

/// <summary>Lets a model answer the questions of a data set, greedily, and compares with the answers it has there.</summary>
/// <param name="model">The model, with the adapter that is in use.</param>
/// <param name="tokenizer">Its tokenizer.</param>
/// <param name="template">Its chat template; null when it has none, and rows with messages are refused.</param>
public sealed class ExactMatch(CausalLanguageModel model, Tokenizer tokenizer, ChatTemplate? template)
{
    // What goes on far beyond the expected answer is no match, however it ends; this much of it is still worth reading.
    private const int TokensBeyondExpected = 32;

    /// <summary>Tokens that end an answer; null for the model's own.</summary>
    public IReadOnlyList<int>? StopTokens { get; init; }

    /// <summary>The share of exact answers, from 0 to 1.</summary>
    public static double Share(IReadOnlyCollection<AnsweredQuestion> answers) => answers.Count == 0 ? 0 : (double)answers.Count(answer => answer.IsExact) / answers.Count;

    /// <summary>Answers every question of a file of JSON lines.</summary>
    /// <param name="path">Rows with <c>messages</c>, of which the last assistant's is the answer, or with <c>prompt</c> and <c>completion</c>.</param>
    /// <param name="progress">Told the share of questions that are answered.</param>
    /// <param name="cancellation">Ends it before the next token.</param>
    /// <exception cref="QLoraException">The file cannot be read, or a line has no question and answer; the message names it.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<AnsweredQuestion> Answer(string path, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        var questions = JsonLines.Read(path).Select(entry => Read(path, entry.Line, () => QuestionOf(DataRowReader.Read(entry.Value)))).ToList();
        if (questions.Count == 0) throw new QLoraException($"{path} has no questions; expected one JSON object a line");
        var answers = new List<AnsweredQuestion>(questions.Count);
        foreach (var question in questions)
        {
            answers.Add(new AnsweredQuestion(question.Text, question.Expected, AnswerTo(question, cancellation)));
            progress?.Report((double)answers.Count / questions.Count);
        }

        return answers;
    }

    private string AnswerTo(Question question, CancellationToken cancellation)
    {
        var expectedTokens = tokenizer.Encode(question.Expected, addSpecialTokens: false).Ids.Length;
        var options = new GenerationOptions { MaxNewTokens = expectedTokens + TokensBeyondExpected, StopTokens = StopTokens };
        int[] answer = [.. new TextGenerator(model).Generate(question.Prompt, options, cancellation)];
        return tokenizer.Decode(answer, skipSpecialTokens: true);
    }

    private Question QuestionOf(DataRow row) => row switch
    {
        ChatRow chat => OfChat(chat),
        CompletionRow completion => new Question(completion.Prompt, completion.Completion, tokenizer.Encode(completion.Prompt, addSpecialTokens: true).Ids),
        _ => throw new QLoraException("it has no question and answer to compare; expected messages, or prompt and completion"),
    };

    private Question OfChat(ChatRow chat)
    {
        if (template is null) throw new QLoraException("the row has messages, but the model has no chat template to render them with; use prompt and completion");
        var answer = chat.Messages.Count - 1;
        if (answer < 1 || !chat.IsAssistant(answer)) throw new QLoraException("its last message is not the assistant's answer to another one");
        var options = new ChatTemplateOptions { Tools = chat.Tools, BosToken = tokenizer.BosToken, EosToken = tokenizer.EosToken, AddGenerationPrompt = true };
        var prompt = template.Render(chat.Messages.Take(answer), options).Text;
        return new Question(Content(chat, answer - 1), Content(chat, answer), tokenizer.Encode(prompt, addSpecialTokens: false).Ids);
    }

    private static string Content(ChatRow chat, int message)
    {
        _ = chat.Messages[message].TryGetProperty("content", out var content);
        return content.ValueKind switch
        {
            JsonValueKind.String => content.GetString()!,
            JsonValueKind.Array => string.Concat(content.EnumerateArray().Select(part => part.GetProperty("text").GetString())),
            _ => throw new QLoraException($"messages[{message}] has no text as its content"),
        };
    }

    private static Question Read(string path, int line, Func<Question> read)
    {
        try
        {
            return read();
        }
        catch (QLoraException e)
        {
            throw DataError.At(path, line, e.Message, e);
        }
    }

    private sealed record Question(string Text, string Expected, int[] Prompt);
}
