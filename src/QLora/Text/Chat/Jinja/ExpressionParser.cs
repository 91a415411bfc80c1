namespace QLora.Text.Jinja;

/// <summary>Jinja's expressions, one method for each level of precedence, loosest first.</summary>
internal sealed class ExpressionParser(TokenReader tokens)
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    /// <summary>Any expression; <paramref name="allowConditional"/> is off where an 'if' that follows belongs to the statement.</summary>
    public Expression Parse(bool allowConditional = true)
    {
        StackGuard.Check();
        var value = ParseOr();
        while (allowConditional && tokens.TakeName("if"))
        {
            var condition = ParseOr();
            value = new ConditionalExpression(condition, value, tokens.TakeName("else") ? Parse() : null);
        }

        return value;
    }

    /// <summary>An expression, or several with commas between: a tuple without parentheses.</summary>
    public Expression ParseTuple(bool allowConditional = true)
    {
        var first = Parse(allowConditional);
        if (!tokens.IsOperator(",")) return first;
        List<Expression> items = [first];
        while (tokens.TakeOperator(",") && !AtTupleEnd()) items.Add(Parse(allowConditional));
        return new SequenceExpression(items, IsTuple: true);
    }

    private bool AtTupleEnd() =>
        tokens.Current.Kind is TokenKind.OutputEnd or TokenKind.BlockEnd || tokens.IsOperator(")") || tokens.IsName("recursive");

    private Expression ParseOr()
    {
        var left = ParseAnd();
        while (tokens.TakeName("or")) left = new BinaryExpression("or", left, ParseAnd());
        return left;
    }

    private Expression ParseAnd()
    {
        var left = ParseNot();
        while (tokens.TakeName("and")) left = new BinaryExpression("and", left, ParseNot());
        return left;
    }

    private Expression ParseNot()
    {
        StackGuard.Check();
        return tokens.TakeName("not") ? new UnaryExpression("not", ParseNot()) : ParseComparison();
    }

    private Expression ParseComparison()
    {
        var first = ParseSum();
        List<(string, Expression)> rest = [];
        while (TakeComparison() is { } comparison) rest.Add((comparison, ParseSum()));
        return rest.Count == 0 ? first : new ComparisonExpression(first, rest);
    }

    private string? TakeComparison()
    {
        if (tokens.Current.Kind == TokenKind.Operator && Comparisons.Contains(tokens.Current.Text)) return tokens.Take().Text;
        if (tokens.TakeName("in")) return "in";
        if (!tokens.IsName("not") || !tokens.IsNext(TokenKind.Name, "in")) return null;
        tokens.Take();
        tokens.Take();
        return "not in";
    }

    private Expression ParseSum() => ParseLeftToRight(["+", "-"], ParseConcatenation);

    private Expression ParseConcatenation() => ParseLeftToRight(["~"], ParseProduct);

    private Expression ParseProduct() => ParseLeftToRight(["*", "/", "//", "%"], ParsePower);

    // Jinja, unlike Python, groups powers from the left and binds a sign tighter than them.
    private Expression ParsePower() => ParseLeftToRight(["**"], () => ParseUnary(allowFilters: true));

    private Expression ParseLeftToRight(string[] operators, Func<Expression> parseOperand)
    {
        var left = parseOperand();
        while (tokens.Current.Kind == TokenKind.Operator && operators.Contains(tokens.Current.Text))
        {
            var op = tokens.Take().Text;
            left = new BinaryExpression(op, left, parseOperand());
        }

        return left;
    }

    private Expression ParseUnary(bool allowFilters)
    {
        StackGuard.Check();
        var value = tokens.IsOperator("-") || tokens.IsOperator("+")
            ? new UnaryExpression(tokens.Take().Text, ParseUnary(allowFilters: false))
            : ParsePrimary();
        value = ParsePostfix(value);
        return allowFilters ? ParseFiltersAndTests(value) : value;
    }

    private Expression ParsePrimary()
    {
        var token = tokens.Current;
        switch (token.Kind)
        {
            case TokenKind.Name:
                tokens.Take();
                return token.Text switch
                {
                    "true" or "True" => new LiteralExpression(true),
                    "false" or "False" => new LiteralExpression(false),
                    "none" or "None" => new LiteralExpression(null),
                    _ => new NameExpression(token.Text),
                };
            case TokenKind.String:
                var text = tokens.Take().Text;
                while (tokens.Current.Kind == TokenKind.String) text += tokens.Take().Text;
                return new LiteralExpression(text);
            case TokenKind.Number:
                return new LiteralExpression(tokens.Take().Value);
            default:
                if (tokens.TakeOperator("(")) return ParseParenthesized();
                if (tokens.TakeOperator("[")) return new SequenceExpression(ParseItems("]"), IsTuple: false);
                if (tokens.TakeOperator("{")) return ParseDictionary();
                throw tokens.Unexpected("an expression");
        }
    }

    private Expression ParseParenthesized()
    {
        if (tokens.TakeOperator(")")) return new SequenceExpression([], IsTuple: true);
        var value = ParseTuple();
        tokens.ExpectOperator(")");
        return value;
    }

    private List<Expression> ParseItems(string close)
    {
        List<Expression> items = [];
        while (!tokens.TakeOperator(close))
        {
            if (items.Count > 0)
            {
                tokens.ExpectOperator(",");
                if (tokens.TakeOperator(close)) break;
            }

            items.Add(Parse());
        }

        return items;
    }

    private DictionaryExpression ParseDictionary()
    {
        List<(Expression, Expression)> entries = [];
        while (!tokens.TakeOperator("}"))
        {
            if (entries.Count > 0)
            {
                tokens.ExpectOperator(",");
                if (tokens.TakeOperator("}")) break;
            }

            var key = Parse();
            tokens.ExpectOperator(":");
            entries.Add((key, Parse()));
        }

        return new DictionaryExpression(entries);
    }

    private Expression ParsePostfix(Expression value)
    {
        while (true)
        {
            if (tokens.TakeOperator(".")) value = ParseMember(value);
            else if (tokens.TakeOperator("[")) value = ParseSubscript(value);
            else if (tokens.IsOperator("(")) value = new CallExpression(value, ParseArguments());
            else return value;
        }
    }

    private Expression ParseMember(Expression target) => tokens.Current.Kind switch
    {
        TokenKind.Name => new MemberExpression(target, tokens.Take().Text),
        TokenKind.Number => new ItemExpression(target, new LiteralExpression(tokens.Take().Value)),
        _ => throw tokens.Unexpected("a name or a number after the dot"),
    };

    private Expression ParseSubscript(Expression target)
    {
        var start = tokens.IsOperator(":") ? null : Parse();
        if (!tokens.TakeOperator(":"))
        {
            tokens.ExpectOperator("]");
            return new ItemExpression(target, start!);
        }

        var stop = tokens.IsOperator(":") || tokens.IsOperator("]") ? null : Parse();
        var step = tokens.TakeOperator(":") && !tokens.IsOperator("]") ? Parse() : null;
        tokens.ExpectOperator("]");
        return new SliceExpression(target, start, stop, step);
    }

    private Expression ParseFiltersAndTests(Expression value)
    {
        while (true)
        {
            if (tokens.IsOperator("|")) value = ParseFilters(value)!;
            else if (tokens.TakeName("is")) value = ParseTest(value);
            else if (tokens.IsOperator("(")) value = new CallExpression(value, ParseArguments());
            else return value;
        }
    }

    /// <summary>The filters that follow; <paramref name="value"/> is null for those of a block.</summary>
    public Expression? ParseFilters(Expression? value)
    {
        while (tokens.TakeOperator("|")) value = ParseFilter(value);
        return value;
    }

    /// <summary>A filter's name and arguments. Whether there is such a filter is seen when it is used: a branch that is never taken may name any.</summary>
    public FilterExpression ParseFilter(Expression? value)
    {
        var name = tokens.ExpectIdentifier("the name of a filter");
        return new FilterExpression(value, name, tokens.IsOperator("(") ? ParseArguments() : ArgumentList.Empty);
    }

    private Expression ParseTest(Expression value)
    {
        var negated = tokens.TakeName("not");
        var name = tokens.ExpectIdentifier("the name of a test");
        var arguments = tokens.IsOperator("(") ? ParseArguments()
            : AtTestOperand() ? new ArgumentList([ParsePostfix(ParsePrimary())], [])
            : ArgumentList.Empty;
        var test = new TestExpression(value, name, arguments);
        return negated ? new UnaryExpression("not", test) : test;
    }

    /// <summary>Whether the one argument of a test follows without parentheses, as in "is divisibleby 3".</summary>
    private bool AtTestOperand()
    {
        if (tokens.IsName("is")) throw tokens.Unexpected("a parenthesis or an operator: tests can't be chained");
        return tokens.Current.Kind switch
        {
            TokenKind.Name => tokens.Current.Text is not ("else" or "or" or "and" or "if" or "in" or "not" or "recursive"),
            TokenKind.String or TokenKind.Number => true,
            _ => tokens.IsOperator("[") || tokens.IsOperator("{"),
        };
    }

    /// <summary>(a, b, name=c), its opening parenthesis still to be read.</summary>
    public ArgumentList ParseArguments()
    {
        tokens.ExpectOperator("(");
        List<Expression> positional = [];
        List<(string, Expression)> named = [];
        while (!tokens.TakeOperator(")"))
        {
            if (positional.Count + named.Count > 0)
            {
                tokens.ExpectOperator(",");
                if (tokens.TakeOperator(")")) break;
            }

            if (tokens.Current.Kind == TokenKind.Name && tokens.IsNext(TokenKind.Operator, "="))
            {
                var name = tokens.Take().Text;
                tokens.Take();
                named.Add((name, Parse()));
            }
            else if (named.Count > 0)
            {
                throw tokens.Unexpected("name=value, as the arguments before it");
            }
            else
            {
                positional.Add(Parse());
            }
        }

        return new ArgumentList(positional, named);
    }
}
