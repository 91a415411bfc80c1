namespace QLora.Text;

/// <summary>A chat template is malformed, or refuses the conversation.</summary>
public sealed class ChatTemplateException : QLoraException
{
    /// <summary>Creates the error.</summary>
    /// <param name="template">The template's name.</param>
    /// <param name="line">Its line, counted from 1; 0 where the conversation itself is at fault.</param>
    /// <param name="reason">What is wrong; for raise_exception the template's own words.</param>
    public ChatTemplateException(string template, int line, string reason)
        : base(line > 0 ? $"chat template {template}, line {line}: {reason}" : $"chat template {template}: {reason}")
    {
        Line = line;
        Reason = reason;
    }

    /// <summary>The template's line, counted from 1; 0 where the conversation itself is at fault.</summary>
    public int Line { get; }

    /// <summary>What is wrong, without template and line; for raise_exception the template's own words.</summary>
    public string Reason { get; }
}
