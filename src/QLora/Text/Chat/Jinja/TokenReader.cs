namespace QLora.Text.Jinja;

/// <summary>The parser's place in the tokens, and its ways to look at, take and demand one.</summary>
internal sealed class TokenReader(List<Token> tokens)
{
    private int _next;

    public Token Current => tokens[_next];

    public int Line => Current.Line;

    public Token Take()
    {
        var token = tokens[_next];
        if (token.Kind != TokenKind.End) _next++;
        return token;
    }

    public bool IsOperator(string text) => Current.Is(TokenKind.Operator, text);

    public bool IsName(string text) => Current.Is(TokenKind.Name, text);

    /// <summary>Whether the token after the current one is that one.</summary>
    public bool IsNext(TokenKind kind, string text) => Current.Kind != TokenKind.End && tokens[_next + 1].Is(kind, text);

    public bool TakeOperator(string text) => TakeIf(IsOperator(text));

    public bool TakeName(string text) => TakeIf(IsName(text));

    public void ExpectOperator(string text)
    {
        if (!TakeOperator(text)) throw Unexpected($"'{text}'");
    }

    public void ExpectName(string text)
    {
        if (!TakeName(text)) throw Unexpected($"'{text}'");
    }

    public void Expect(TokenKind kind, string what)
    {
        if (!TakeIf(Current.Kind == kind)) throw Unexpected(what);
    }

    public string ExpectIdentifier(string what) => Current.Kind == TokenKind.Name ? Take().Text : throw Unexpected(what);

    /// <summary>The error that the current token isn't what has to stand there.</summary>
    public TemplateError Unexpected(string expected) => new($"found {Current}, expected {expected}", Line);

    private bool TakeIf(bool matches)
    {
        if (matches) _next++;
        return matches;
    }
}
