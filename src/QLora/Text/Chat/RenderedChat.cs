namespace QLora.Text;

/// <summary>A conversation as the model reads it.</summary>
/// <param name="Text">The text.</param>
/// <param name="AssistantSpans">
/// What the template marks with <c>{% generation %}</c>, in order; null when it has no such blocks, or has one in a macro or captured block, where its place isn't known.
/// </param>
public sealed record RenderedChat(string Text, IReadOnlyList<TextSpan>? AssistantSpans);
