using System.Text.Json;

namespace QLora.Data;

/// <summary>One line of training data, checked, in one of the four forms.</summary>
public abstract record DataRow;

/// <summary><c>messages</c>, and <c>tools</c>.</summary>
/// <param name="Messages">The messages, each an object with a known role and a content.</param>
/// <param name="Tools">The tools that the model may call, an array; null without any.</param>
public sealed record ChatRow(IReadOnlyList<JsonElement> Messages, JsonElement? Tools) : DataRow
{
    /// <summary>Whether message <paramref name="index"/> is the assistant's.</summary>
    public bool IsAssistant(int index) => Messages[index].GetProperty("role").ValueEquals("assistant");
}

/// <summary><c>prompt</c> and <c>completion</c>.</summary>
/// <param name="Prompt">What the model is given.</param>
/// <param name="Completion">What it is to go on with.</param>
public sealed record CompletionRow(string Prompt, string Completion) : DataRow;

/// <summary><c>text</c>.</summary>
/// <param name="Text">The text.</param>
public sealed record TextRow(string Text) : DataRow;

/// <summary><c>input_ids</c> and <c>labels</c>, taken as they are.</summary>
/// <param name="InputIds">The token ids.</param>
/// <param name="Labels">As many labels.</param>
public sealed record TokenRow(int[] InputIds, int[] Labels) : DataRow;
