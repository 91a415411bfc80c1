namespace QLora.Text.Jinja;

/// <summary>The values of expressions.</summary>
internal sealed class Evaluator(Budget budget)
{
    public object? Evaluate(Expression expression, Scope scope)
    {
        StackGuard.Check();
        budget.Spend();
        switch (expression)
        {
            case LiteralExpression literal: return literal.Value;
            case NameExpression name: return scope.Get(name.Name);
            case SequenceExpression sequence: return new Sequence([.. sequence.Items.Select(item => Evaluate(item, scope))], sequence.IsTuple);
            case DictionaryExpression dictionary: return OfDictionary(dictionary, scope);
            case UnaryExpression { Operator: "not" } not: return !IsTrue(not.Operand, scope);
            case UnaryExpression unary: return Arithmetic.Sign(unary.Operator, Evaluate(unary.Operand, scope));
            case BinaryExpression { Operator: "and" or "or" } logical: return OfLogical(logical, scope);
            case BinaryExpression binary: return Arithmetic.Evaluate(budget, binary.Operator, Evaluate(binary.Left, scope), Evaluate(binary.Right, scope));
            case ComparisonExpression comparison: return OfComparison(comparison, scope);
            case ConditionalExpression conditional: return OfConditional(conditional, scope);
            case MemberExpression member: return Members.Attribute(budget, Evaluate(member.Target, scope), member.Name);
            case ItemExpression item: return Members.Item(budget, Evaluate(item.Target, scope), Evaluate(item.Index, scope));
            case SliceExpression slice: return Members.Slice(budget, Evaluate(slice.Target, scope), Part(slice.Start), Part(slice.Stop), Part(slice.Step));
            case CallExpression call: return Call(Evaluate(call.Callee, scope), Arguments(call.Arguments, scope));
            case FilterExpression filter: return Filters.Apply(budget, filter.Name, Evaluate(filter.Value!, scope), Arguments(filter.Arguments, scope));
            case TestExpression test: return Tests.Passes(budget, test.Name, Evaluate(test.Value, scope), Arguments(test.Arguments, scope));
            default: throw new InvalidOperationException($"no value is defined for {expression.GetType().Name}");
        }

        object? Part(Expression? part) => part is null ? null : Evaluate(part, scope);
    }

    public bool IsTrue(Expression expression, Scope scope) => Python.IsTrue(Evaluate(expression, scope));

    /// <summary>A block's text through the block's filters.</summary>
    public object? FilterText(FilterExpression filter, string text, Scope scope)
    {
        StackGuard.Check();
        object? value = filter.Value is FilterExpression inner ? FilterText(inner, text, scope) : text;
        return Filters.Apply(budget, filter.Name, value, Arguments(filter.Arguments, scope));
    }

    public Arguments Arguments(ArgumentList list, Scope scope) => new(
        [.. list.Positional.Select(argument => Evaluate(argument, scope))],
        list.Named.Count == 0 ? Jinja.Arguments.None.Named : OfNamed(list, scope));

    public static object? Call(object? callee, Arguments arguments) => callee switch
    {
        Callable callable => callable.Invoke(arguments),
        Loop loop => loop.Recurse(arguments),
        Undefined undefined => throw undefined.Error,
        _ => throw new TemplateError($"'{Python.TypeName(callee)}' object is not callable"),
    };

    private Dictionary<string, object?> OfNamed(ArgumentList list, Scope scope)
    {
        Dictionary<string, object?> named = [];
        foreach (var (name, value) in list.Named)
        {
            if (!named.TryAdd(name, Evaluate(value, scope))) throw new TemplateError($"the argument '{name}' is given twice");
        }

        return named;
    }

    private Mapping OfDictionary(DictionaryExpression dictionary, Scope scope)
    {
        var mapping = new Mapping();
        foreach (var (key, value) in dictionary.Entries) mapping.Set(Evaluate(key, scope), Evaluate(value, scope));
        return mapping;
    }

    private object? OfLogical(BinaryExpression logical, Scope scope)
    {
        var left = Evaluate(logical.Left, scope);
        return Python.IsTrue(left) == (logical.Operator == "or") ? left : Evaluate(logical.Right, scope);
    }

    private bool OfComparison(ComparisonExpression comparison, Scope scope)
    {
        var left = Evaluate(comparison.First, scope);
        foreach (var (op, operand) in comparison.Rest)
        {
            var right = Evaluate(operand, scope);
            if (!Comparison.Evaluate(budget, op, left, right)) return false;
            left = right;
        }

        return true;
    }

    private object? OfConditional(ConditionalExpression conditional, Scope scope)
    {
        if (IsTrue(conditional.Condition, scope)) return Evaluate(conditional.Then, scope);
        return conditional.Otherwise is null
            ? new Undefined("the inline if-expression evaluated to false and no else section was defined.")
            : Evaluate(conditional.Otherwise, scope);
    }
}
