using QLora.Text;

namespace QLora.Data;

/// <summary>
/// Where the assistant's turns lie in a rendered conversation. A template says it itself with <c>{% generation %}</c>. Else it is found by rendering step by step: what the
/// messages before a turn render to, with the prompt to answer, must begin what they render to with the turn, and the rest is the turn: its content and what ends it.
/// </summary>
internal sealed class AssistantTurns(ChatTemplate template, ChatTemplateOptions options, ChatRow row)
{
    /// <summary>The whole conversation's text.</summary>
    public RenderedChat Whole { get; } = template.Render(row.Messages, options);

    /// <summary>The places of all assistant turns, or of the last one only.</summary>
    /// <exception cref="QLoraException">There is no such turn, or the template renders a beginning of the conversation differently from the whole.</exception>
    public IReadOnlyList<TextSpan> Find(bool lastOnly)
    {
        var turns = Enumerable.Range(0, row.Messages.Count).Where(row.IsAssistant).ToList();
        if (turns.Count == 0) throw new QLoraException("the conversation has no assistant turn to learn from; add one, or train on every token with --loss-on all");
        if (Whole.AssistantSpans is { } spans) return lastOnly ? [.. spans.TakeLast(1)] : spans;
        return [.. (lastOnly ? turns.TakeLast(1) : turns).Select(Locate)];
    }

    private TextSpan Locate(int turn)
    {
        var prompt = Render(turn, turn, addGenerationPrompt: true);
        var answered = turn + 1 == row.Messages.Count ? Whole.Text : Render(turn + 1, turn, addGenerationPrompt: false);
        if (!answered.StartsWith(prompt, StringComparison.Ordinal)) throw Unstable(turn, "the prompt before it does not begin the text with it");
        if (!Whole.Text.StartsWith(answered, StringComparison.Ordinal)) throw Unstable(turn, "the text up to it changes when messages follow");
        return new TextSpan(prompt.Length, answered.Length);
    }

    private string Render(int count, int turn, bool addGenerationPrompt)
    {
        try
        {
            return template.Render(row.Messages.Take(count), options with { AddGenerationPrompt = addGenerationPrompt }).Text;
        }
        catch (ChatTemplateException e)
        {
            throw Unstable(turn, $"it refuses the messages before it ({e.Reason})");
        }
    }

    private QLoraException Unstable(int turn, string why) => new(
        $"chat template {template.Name} does not let the assistant's turn messages[{turn}] be told from the rest: {why}. "
        + "Use a template with {% generation %} blocks, or --loss-on completion (the last turn only) or --loss-on all");
}
