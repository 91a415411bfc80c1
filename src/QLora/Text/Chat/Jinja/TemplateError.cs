namespace QLora.Text.Jinja;

/// <summary>What is wrong with a template or with what it was given; <see cref="ChatTemplate"/> adds the template's name.</summary>
/// <param name="reason">What was found, and what was expected; for raise_exception the template's own words.</param>
/// <param name="line">The template's line, counted from 1; 0 while it isn't known yet.</param>
internal sealed class TemplateError(string reason, int line = 0) : Exception(reason)
{
    public int Line { get; } = line;
}
