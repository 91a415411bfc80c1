namespace QLora.Text.Jinja;

/// <summary>
/// Splits a template into tokens with Jinja's whitespace rules as transformers sets them: trim_blocks (a newline right after a block or comment is
/// dropped), lstrip_blocks (blanks before a block or comment that begins its line are dropped), one newline at the end of the template is dropped.
/// A '-' at a tag strips all whitespace on that side, a '+' switches the two rules off for that tag.
/// </summary>
internal sealed class Lexer
{
    private static readonly string[] Operators =
        ["**", "//", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "[", "]", "(", ")", "{", "}", "<", ">", "=", ".", ":", "|", ",", ";"];

    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _at;
    private int _line = 1;

    private Lexer(string source)
    {
        _source = source.Replace("\r\n", "\n").Replace('\r', '\n');
        if (_source.EndsWith('\n')) _source = _source[..^1];
    }

    /// <summary>All tokens, ended by one of kind <see cref="TokenKind.End"/>.</summary>
    public static List<Token> Tokenize(string source)
    {
        var lexer = new Lexer(source);
        while (lexer._at < lexer._source.Length) lexer.ReadTextAndTag();
        lexer.Add(TokenKind.End, "");
        return lexer._tokens;
    }

    private void ReadTextAndTag()
    {
        var open = FindTag(_at);
        if (open < 0)
        {
            AddText(_source[_at..]);
            MoveTo(_source.Length);
            return;
        }

        AddText(StripBefore(_at, open));
        MoveTo(open);
        switch (_source[open + 1])
        {
            case '#': ReadComment(); break;
            case '%' when IsKeywordBlock(open, "raw", out var afterRaw): ReadRaw(afterRaw); break;
            case '%': ReadTag(TokenKind.BlockBegin, TokenKind.BlockEnd, "%}"); break;
            default: ReadTag(TokenKind.OutputBegin, TokenKind.OutputEnd, "}}"); break;
        }
    }

    private int FindTag(int from)
    {
        for (var i = _source.IndexOf('{', from); i >= 0 && i + 1 < _source.Length; i = _source.IndexOf('{', i + 1))
        {
            if (_source[i + 1] is '{' or '%' or '#') return i;
        }

        return -1;
    }

    /// <summary>The text from <paramref name="start"/> to the tag at <paramref name="tag"/>, as far as the tag leaves it.</summary>
    private string StripBefore(int start, int tag)
    {
        var text = _source[start..tag];
        var sign = tag + 2 < _source.Length ? _source[tag + 2] : ' ';
        if (sign == '-') return text.TrimEnd(PythonText.Whitespace);
        if (sign == '+' || _source[tag + 1] == '{') return text;
        var lineStart = text.LastIndexOf('\n') + 1;
        var startsLine = lineStart > 0 || start == 0 || _source[start - 1] == '\n';
        return startsLine && text.AsSpan(lineStart).IsWhiteSpace() ? text[..lineStart] : text;
    }

    private void ReadComment()
    {
        var close = _source.IndexOf("#}", _at + 2, StringComparison.Ordinal);
        if (close < 0) throw Error("the comment begun here has no '#}'");
        MoveTo(close + 2);
        SkipAfter(_source[close - 1], trimNewline: true);
    }

    private void ReadRaw(int bodyStart)
    {
        var begin = _line;
        MoveTo(bodyStart);
        for (var i = _source.IndexOf("{%", bodyStart, StringComparison.Ordinal); i >= 0; i = _source.IndexOf("{%", i + 2, StringComparison.Ordinal))
        {
            if (!IsKeywordBlock(i, "endraw", out var after)) continue;
            AddText(StripBefore(bodyStart, i));
            MoveTo(after);
            SkipAfter(_source[after - 3], trimNewline: true);
            return;
        }

        throw new TemplateError("the raw block begun here has no '{% endraw %}'", begin);
    }

    /// <summary>
    /// Whether a block at <paramref name="at"/> holds one keyword and nothing else; <paramref name="after"/> is then behind it, for raw behind the whitespace that '-' strips too.
    /// </summary>
    private bool IsKeywordBlock(int at, string keyword, out int after)
    {
        after = at + 2;
        if (after < _source.Length && _source[after] is '-' or '+') after++;
        while (after < _source.Length && char.IsWhiteSpace(_source[after])) after++;
        if (string.CompareOrdinal(_source, after, keyword, 0, keyword.Length) != 0) return false;
        after += keyword.Length;
        while (after < _source.Length && char.IsWhiteSpace(_source[after])) after++;
        var strips = after < _source.Length && _source[after] == '-';
        if (after < _source.Length && _source[after] is '-' or '+') after++;
        if (string.CompareOrdinal(_source, after, "%}", 0, 2) != 0) return false;
        after += 2;
        // The text inside raw is left alone by trim_blocks; only an explicit '-' strips it.
        while (keyword == "raw" && strips && after < _source.Length && char.IsWhiteSpace(_source[after])) after++;
        return true;
    }

    private void ReadTag(TokenKind beginKind, TokenKind endKind, string close)
    {
        var begin = _line;
        Add(beginKind, _source.Substring(_at, 2));
        MoveTo(_at + (_at + 2 < _source.Length && _source[_at + 2] is '-' or '+' ? 3 : 2));
        var brackets = new Stack<char>();
        while (true)
        {
            while (_at < _source.Length && char.IsWhiteSpace(_source[_at])) MoveTo(_at + 1);
            if (_at >= _source.Length) throw new TemplateError($"the '{(close == "%}" ? "{%" : "{{")}' begun here has no '{close}'", begin);
            var sign = _source[_at];
            var signed = sign == '-' || (sign == '+' && close == "%}") ? 1 : 0;
            if (brackets.Count == 0 && string.CompareOrdinal(_source, _at + signed, close, 0, 2) == 0)
            {
                Add(endKind, close);
                MoveTo(_at + signed + 2);
                SkipAfter(signed == 1 ? sign : ' ', trimNewline: close == "%}");
                return;
            }

            ReadWord(brackets);
        }
    }

    private void SkipAfter(char sign, bool trimNewline)
    {
        if (sign == '-')
        {
            while (_at < _source.Length && char.IsWhiteSpace(_source[_at])) MoveTo(_at + 1);
        }
        else if (sign != '+' && trimNewline && _at < _source.Length && _source[_at] == '\n')
        {
            MoveTo(_at + 1);
        }
    }

    private void ReadWord(Stack<char> brackets)
    {
        var c = _source[_at];
        if (c is '\'' or '"') ReadString(c);
        else if (char.IsAsciiDigit(c)) ReadNumber();
        else if (char.IsLetter(c) || c == '_') ReadName();
        else ReadOperator(brackets);
    }

    private void ReadName()
    {
        var end = _at + 1;
        while (end < _source.Length && (char.IsLetterOrDigit(_source[end]) || _source[end] == '_')) end++;
        Add(TokenKind.Name, _source[_at..end]);
        MoveTo(end);
    }

    private void ReadString(char quote)
    {
        var end = _at + 1;
        while (end < _source.Length && _source[end] != quote) end += _source[end] == '\\' ? 2 : 1;
        if (end >= _source.Length) throw Error($"the string begun here has no closing {quote}");
        Add(TokenKind.String, StringLiteral.Unescape(_source.AsSpan(_at + 1, end - _at - 1), _line));
        MoveTo(end + 1);
    }

    private void ReadNumber()
    {
        // After a dot (messages.0.role) a number is an index and never a fraction.
        var afterDot = _at > 0 && _source[_at - 1] == '.';
        var (token, end) = NumberLiteral.Read(_source, _at, allowFraction: !afterDot) ?? throw Error("this number is not written as Jinja knows it, or is too large");
        _tokens.Add(new Token(TokenKind.Number, _source[_at..end], _line, token));
        MoveTo(end);
    }

    private void ReadOperator(Stack<char> brackets)
    {
        foreach (var op in Operators)
        {
            if (string.CompareOrdinal(_source, _at, op, 0, op.Length) != 0) continue;
            switch (op)
            {
                case "(": brackets.Push(')'); break;
                case "[": brackets.Push(']'); break;
                case "{": brackets.Push('}'); break;
                case ")" or "]" or "}" when brackets.Count == 0: throw Error($"unexpected '{op}'");
                case ")" or "]" or "}" when brackets.Peek() != op[0]: throw Error($"unexpected '{op}', expected '{brackets.Peek()}'");
                case ")" or "]" or "}": brackets.Pop(); break;
            }

            Add(TokenKind.Operator, op);
            MoveTo(_at + op.Length);
            return;
        }

        throw Error($"unexpected character '{_source[_at]}'");
    }

    private void AddText(string text)
    {
        if (text.Length > 0) Add(TokenKind.Text, text);
    }

    private void Add(TokenKind kind, string text) => _tokens.Add(new Token(kind, text, _line));

    private void MoveTo(int position)
    {
        _line += _source.AsSpan(_at, position - _at).Count('\n');
        _at = position;
    }

    private TemplateError Error(string reason) => new(reason, _line);
}
