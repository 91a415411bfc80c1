namespace QLora.Text.Jinja;

internal enum TokenKind
{
    /// <summary>Template text to print as it is, whitespace control already applied.</summary>
    Text,
    OutputBegin,
    OutputEnd,
    BlockBegin,
    BlockEnd,
    Name,
    String,
    Number,
    Operator,
    End,
}

/// <summary>One word of a template.</summary>
/// <param name="Kind">What kind of word.</param>
/// <param name="Text">Its text; for strings and names the value.</param>
/// <param name="Line">Where it begins, counted from 1.</param>
/// <param name="Value">The long or double of a number.</param>
internal readonly record struct Token(TokenKind Kind, string Text, int Line, object? Value = null)
{
    public bool Is(TokenKind kind, string text) => Kind == kind && Text == text;

    /// <summary>How messages name it.</summary>
    public override string ToString() => Kind switch
    {
        TokenKind.Text => "text",
        TokenKind.End => "the end of the template",
        TokenKind.OutputBegin or TokenKind.OutputEnd or TokenKind.BlockBegin or TokenKind.BlockEnd => $"'{Text}'",
        TokenKind.String => $"the string '{(Text.Length > 20 ? Text[..20] + "…" : Text)}'",
        _ => $"'{Text}'",
    };
}
