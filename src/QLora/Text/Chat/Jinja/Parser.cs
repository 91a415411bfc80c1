namespace QLora.Text.Jinja;

/// <summary>Templates: text, {{ output }} and {% statements %}.</summary>
internal sealed class Parser
{
    private readonly TokenReader _tokens;
    private readonly ExpressionParser _expressions;
    private int _loopDepth;
    private bool _hasGenerationBlocks;

    private Parser(string source)
    {
        _tokens = new TokenReader(Lexer.Tokenize(source));
        _expressions = new ExpressionParser(_tokens);
    }

    /// <summary>The template that a text is.</summary>
    /// <exception cref="TemplateError">It isn't one; with the line.</exception>
    public static Template Parse(string source)
    {
        var parser = new Parser(source);
        try
        {
            var body = parser.ParseUntil([]);
            return new Template(body, parser._hasGenerationBlocks);
        }
        catch (TemplateError e) when (e.Line == 0)
        {
            throw new TemplateError(e.Message, parser._tokens.Line);
        }
    }

    /// <summary>Statements up to the block that begins with one of the names, which becomes the current token.</summary>
    private List<Statement> ParseUntil(string[] ends)
    {
        StackGuard.Check();
        List<Statement> body = [];
        while (true)
        {
            var token = _tokens.Current;
            switch (token.Kind)
            {
                case TokenKind.Text:
                    _tokens.Take();
                    body.Add(new TextStatement(token.Line, token.Text));
                    break;
                case TokenKind.OutputBegin:
                    _tokens.Take();
                    body.Add(new OutputStatement(token.Line, _expressions.ParseTuple()));
                    _tokens.Expect(TokenKind.OutputEnd, "'}}'");
                    break;
                case TokenKind.BlockBegin:
                    _tokens.Take();
                    if (_tokens.Current.Kind == TokenKind.Name && ends.Contains(_tokens.Current.Text)) return body;
                    body.Add(ParseStatement(ends));
                    _tokens.Expect(TokenKind.BlockEnd, "'%}'");
                    break;
                default:
                    if (ends.Length > 0) throw _tokens.Unexpected(Describe(ends));
                    return body;
            }
        }
    }

    private static string Describe(string[] ends) => string.Join(" or ", ends.Select(end => $"'{{% {end} %}}'"));

    private Statement ParseStatement(string[] ends)
    {
        var line = _tokens.Line;
        if (_tokens.Current.Kind != TokenKind.Name) throw _tokens.Unexpected("the name of a statement");
        var keyword = _tokens.Current;
        _tokens.Take();
        switch (keyword.Text)
        {
            case "if": return ParseIf(line);
            case "for": return ParseFor(line);
            case "set": return ParseSet(line);
            case "with": return ParseWith(line);
            case "macro": return ParseMacro(line);
            case "call": return ParseCall(line);
            case "filter": return new FilterBlockStatement(line, ParseBlockFilters(_expressions.ParseFilter(null)), ParseBody("endfilter"));
            case "generation":
                _hasGenerationBlocks = true;
                return new GenerationStatement(line, ParseBody("endgeneration"));
            case "break" when _loopDepth > 0: return new BreakStatement(line);
            case "continue" when _loopDepth > 0: return new ContinueStatement(line);
            case "break" or "continue": throw new TemplateError($"'{keyword.Text}' outside a loop", line);
            case "include" or "import" or "from" or "extends" or "block":
                throw new TemplateError($"'{keyword.Text}' needs other templates, and a chat template stands alone", line);
            default:
                var open = ends.Length > 0 ? $"{Describe(ends)} or " : "";
                throw new TemplateError($"found '{keyword.Text}', expected {open}a statement (if, for, set, with, macro, call, filter, generation, break, continue)", line);
        }
    }

    private FilterExpression ParseBlockFilters(FilterExpression first) => (FilterExpression)_expressions.ParseFilters(first)!;

    /// <summary>The rest of a block's head, its body, and its end up to the '%}'.</summary>
    private List<Statement> ParseBody(string end)
    {
        var body = ParseBranch([end]);
        _tokens.ExpectName(end);
        return body;
    }

    private List<Statement> ParseBranch(string[] ends)
    {
        _tokens.TakeOperator(":");
        _tokens.Expect(TokenKind.BlockEnd, "'%}'");
        return ParseUntil(ends);
    }

    private IfStatement ParseIf(int line)
    {
        List<(Expression, IReadOnlyList<Statement>)> branches = [];
        do branches.Add((_expressions.ParseTuple(allowConditional: false), ParseBranch(["elif", "else", "endif"])));
        while (_tokens.TakeName("elif"));
        IReadOnlyList<Statement> otherwise = _tokens.TakeName("else") ? ParseBranch(["endif"]) : [];
        _tokens.ExpectName("endif");
        return new IfStatement(line, branches, otherwise);
    }

    private ForStatement ParseFor(int line)
    {
        var target = ParseTarget();
        _tokens.ExpectName("in");
        var items = _expressions.ParseTuple(allowConditional: false);
        var filter = _tokens.TakeName("if") ? _expressions.Parse() : null;
        var recursive = _tokens.TakeName("recursive");
        _loopDepth++;
        var body = ParseBranch(["endfor", "else"]);
        _loopDepth--;
        IReadOnlyList<Statement> otherwise = _tokens.TakeName("else") ? ParseBranch(["endfor"]) : [];
        _tokens.ExpectName("endfor");
        return new ForStatement(line, target, items, filter, recursive, body, otherwise);
    }

    private Statement ParseSet(int line)
    {
        var target = ParseTarget(allowNamespace: true);
        if (_tokens.TakeOperator("=")) return new SetStatement(line, target, _expressions.ParseTuple());
        if (!_tokens.IsOperator("|") && _tokens.Current.Kind != TokenKind.BlockEnd) throw _tokens.Unexpected("'=' or '%}'");
        var filter = (FilterExpression?)_expressions.ParseFilters(null);
        return new SetBlockStatement(line, target, filter, ParseBody("endset"));
    }

    private WithStatement ParseWith(int line)
    {
        List<(Target, Expression)> assignments = [];
        while (_tokens.Current.Kind != TokenKind.BlockEnd)
        {
            if (assignments.Count > 0) _tokens.ExpectOperator(",");
            var target = new NameTarget(_tokens.ExpectIdentifier("a variable"));
            _tokens.ExpectOperator("=");
            assignments.Add((target, _expressions.Parse()));
        }

        return new WithStatement(line, assignments, ParseBody("endwith"));
    }

    private MacroStatement ParseMacro(int line)
    {
        var name = _tokens.ExpectIdentifier("the macro's name");
        return new MacroStatement(line, name, ParseParameters(), ParseFunctionBody("endmacro"));
    }

    private CallBlockStatement ParseCall(int line)
    {
        IReadOnlyList<Parameter> parameters = _tokens.IsOperator("(") ? ParseParameters() : [];
        if (_expressions.Parse() is not CallExpression call) throw new TemplateError("a call block needs a call, as in {% call macro() %}", line);
        return new CallBlockStatement(line, parameters, call, ParseFunctionBody("endcall"));
    }

    /// <summary>The body of a macro, from which no loop around it can be left.</summary>
    private List<Statement> ParseFunctionBody(string end)
    {
        (var outer, _loopDepth) = (_loopDepth, 0);
        var body = ParseBody(end);
        _loopDepth = outer;
        return body;
    }

    private List<Parameter> ParseParameters()
    {
        _tokens.ExpectOperator("(");
        List<Parameter> parameters = [];
        while (!_tokens.TakeOperator(")"))
        {
            if (parameters.Count > 0) _tokens.ExpectOperator(",");
            var name = _tokens.ExpectIdentifier("a parameter's name");
            var hasDefault = _tokens.TakeOperator("=");
            if (!hasDefault && parameters.Count > 0 && parameters[^1].Default is not null) throw _tokens.Unexpected("'=', since the parameter before has a default");
            parameters.Add(new Parameter(name, hasDefault ? _expressions.Parse() : null));
        }

        return parameters;
    }

    private Target ParseTarget(bool allowNamespace = false)
    {
        List<Target> items = [ParseTargetItem(allowNamespace)];
        var isTuple = false;
        while (_tokens.TakeOperator(","))
        {
            isTuple = true;
            if (_tokens.Current.Kind != TokenKind.Name && !_tokens.IsOperator("(") || _tokens.IsName("in")) break;
            items.Add(ParseTargetItem(allowNamespace));
        }

        return isTuple ? new TupleTarget(items) : items[0];
    }

    private Target ParseTargetItem(bool allowNamespace)
    {
        StackGuard.Check();
        if (_tokens.TakeOperator("("))
        {
            var inner = ParseTarget(allowNamespace);
            _tokens.ExpectOperator(")");
            return inner;
        }

        if (_tokens.Current.Text is "true" or "false" or "none" or "True" or "False" or "None") throw _tokens.Unexpected("a variable");
        var name = _tokens.ExpectIdentifier("a variable");
        return allowNamespace && _tokens.TakeOperator(".") ? new NamespaceTarget(name, _tokens.ExpectIdentifier("a name after the dot")) : new NameTarget(name);
    }
}
