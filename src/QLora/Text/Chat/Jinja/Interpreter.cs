using System.Text;

namespace QLora.Text.Jinja;

/// <summary>Runs a template's statements and collects what they print.</summary>
internal sealed class Interpreter
{
    private enum Flow { Next, Break, Continue }

    private readonly Budget _budget;
    private readonly Evaluator _evaluator;
    private readonly StringBuilder _output = new();
    private readonly List<TextSpan> _generationSpans = [];
    private StringBuilder _target;
    private bool _generationCaptured;
    private int _line;

    private Interpreter(Budget budget)
    {
        _budget = budget;
        _evaluator = new Evaluator(budget);
        _target = _output;
    }

    /// <summary>
    /// What a template prints with these variables, and where in it its generation blocks lie: null when one was captured (by a macro or a set block) and so has no known place.
    /// </summary>
    /// <exception cref="TemplateError">The template says so, or can't go on; with the line.</exception>
    public static (string Text, IReadOnlyList<TextSpan>? GenerationSpans) Run(IReadOnlyList<Statement> template, IEnumerable<KeyValuePair<string, object?>> variables, DateTimeOffset now)
    {
        var budget = new Budget();
        var interpreter = new Interpreter(budget);
        var scope = new Scope();
        foreach (var (name, value) in Globals.All(budget, now).Concat(variables)) scope.Set(name, value);
        try
        {
            interpreter.Execute(template, scope);
        }
        catch (TemplateError e) when (e.Line == 0)
        {
            throw new TemplateError(e.Message, interpreter._line);
        }

        return (interpreter._output.ToString(), interpreter._generationCaptured ? null : interpreter._generationSpans);
    }

    private Flow Execute(IReadOnlyList<Statement> body, Scope scope)
    {
        StackGuard.Check();
        foreach (var statement in body)
        {
            _line = statement.Line;
            _budget.Spend();
            var flow = Execute(statement, scope);
            if (flow != Flow.Next) return flow;
        }

        return Flow.Next;
    }

    private Flow Execute(Statement statement, Scope scope)
    {
        switch (statement)
        {
            case TextStatement text: Print(text.Text); break;
            case OutputStatement output: Print(_evaluator.Evaluate(output.Value, scope)); break;
            case IfStatement branches: return ExecuteIf(branches, scope);
            case ForStatement loop: ExecuteFor(loop, _evaluator.Evaluate(loop.Items, scope), scope, depth: 0); break;
            case BreakStatement: return Flow.Break;
            case ContinueStatement: return Flow.Continue;
            case SetStatement set: Assign(set.Target, _evaluator.Evaluate(set.Value, scope), scope); break;
            case SetBlockStatement set:
                var captured = Capture(set.Body, new Scope(scope));
                Assign(set.Target, set.Filter is null ? captured : _evaluator.FilterText(set.Filter, captured, scope), scope);
                break;
            case WithStatement with: return ExecuteWith(with, scope);
            case FilterBlockStatement filter: Print(_evaluator.FilterText(filter.Filter, Capture(filter.Body, new Scope(scope)), scope)); break;
            case MacroStatement macro: scope.Set(macro.Name, Macro(macro.Name, macro.Parameters, macro.Body, scope)); break;
            case CallBlockStatement call: ExecuteCall(call, scope); break;
            case GenerationStatement generation: return ExecuteGeneration(generation, scope);
            default: throw new InvalidOperationException($"nothing is defined for {statement.GetType().Name}");
        }

        return Flow.Next;
    }

    private void Print(object? value) => PythonText.Append(_budget, _target, value);

    private Flow ExecuteIf(IfStatement statement, Scope scope)
    {
        foreach (var (condition, body) in statement.Branches)
        {
            if (_evaluator.IsTrue(condition, scope)) return Execute(body, scope);
        }

        return Execute(statement.Otherwise, scope);
    }

    private void ExecuteFor(ForStatement statement, object? iterated, Scope scope, int depth)
    {
        _budget.SpendOn(iterated);
        var items = Python.Iterate(iterated);
        if (statement.Filter is { } filter) items = [.. items.Where(item => _evaluator.IsTrue(filter, ItemScope(item)))];
        var loop = new Loop(_budget, items, depth, statement.IsRecursive ? inner => Capture(() => ExecuteFor(statement, inner, scope, depth + 1)) : null);
        var completed = false;
        for (; loop.Index < items.Count; loop.Index++)
        {
            var inner = ItemScope(items[loop.Index]);
            inner.Set("loop", loop);
            var flow = Execute(statement.Body, inner);
            completed |= flow == Flow.Next;
            if (flow == Flow.Break) break;
        }

        // Jinja's else stands for "no iteration reached its end", whether there was none or all were left by break and continue.
        if (!completed) Execute(statement.Otherwise, new Scope(scope));

        Scope ItemScope(object? item)
        {
            var itemScope = new Scope(scope);
            Assign(statement.Target, item, itemScope);
            return itemScope;
        }
    }

    private Flow ExecuteWith(WithStatement statement, Scope scope)
    {
        var inner = new Scope(scope);
        foreach (var (target, value) in statement.Assignments) Assign(target, _evaluator.Evaluate(value, scope), inner);
        return Execute(statement.Body, inner);
    }

    private void ExecuteCall(CallBlockStatement statement, Scope scope)
    {
        var inner = new Scope(scope);
        inner.Set("caller", Macro("caller", statement.Parameters, statement.Body, scope));
        var arguments = _evaluator.Arguments(statement.Call.Arguments, scope);
        var caller = new Dictionary<string, object?>(arguments.Named) { ["caller"] = inner.Get("caller") };
        Print(Evaluator.Call(_evaluator.Evaluate(statement.Call.Callee, scope), new Arguments(arguments.Positional, caller)));
    }

    private Flow ExecuteGeneration(GenerationStatement statement, Scope scope)
    {
        var start = _output.Length;
        var flow = Execute(statement.Body, new Scope(scope));
        if (_target == _output) _generationSpans.Add(new TextSpan(start, _output.Length));
        else _generationCaptured = true;
        return flow;
    }

    private Callable Macro(string name, IReadOnlyList<Parameter> parameters, IReadOnlyList<Statement> body, Scope definedIn) => new(name, arguments =>
    {
        var scope = new Scope(definedIn);
        var line = _line;
        // caller is passed by a call block and is no parameter of its own.
        var named = arguments.Named.Where(argument => argument.Key != "caller" || parameters.Any(parameter => parameter.Name == "caller")).ToDictionary();
        if (named.Count < arguments.Named.Count) scope.Set("caller", arguments.Named["caller"]);
        var bound = new Arguments(arguments.Positional, named).Bind($"macro '{name}'", [.. parameters.Select(parameter => parameter.Name)]);
        for (var i = 0; i < parameters.Count; i++)
        {
            var (parameter, otherwise) = parameters[i];
            scope.Set(parameter, bound.Has(i) ? bound[i] : otherwise is null ? new Undefined($"parameter '{parameter}' was not provided") : _evaluator.Evaluate(otherwise, scope));
        }

        var text = Capture(body, scope);
        _line = line;
        return text;
    });

    private string Capture(IReadOnlyList<Statement> body, Scope scope) => Capture(() => Execute(body, scope));

    private string Capture(Action print)
    {
        (var outer, _target) = (_target, new StringBuilder());
        try
        {
            print();
            return _target.ToString();
        }
        finally
        {
            _target = outer;
        }
    }

    private static void Assign(Target target, object? value, Scope scope)
    {
        StackGuard.Check();
        switch (target)
        {
            case NameTarget name: scope.Set(name.Name, value); break;
            case NamespaceTarget member when scope.Get(member.Namespace) is Namespace found: found.Set(member.Name, value); break;
            case NamespaceTarget member: throw new TemplateError($"cannot assign attribute on non-namespace object: {member.Namespace}.{member.Name}");
            case TupleTarget tuple:
                var parts = Python.Iterate(value);
                if (parts.Count != tuple.Items.Count) throw new TemplateError($"{tuple.Items.Count} variables are assigned {parts.Count} values");
                for (var i = 0; i < parts.Count; i++) Assign(tuple.Items[i], parts[i], scope);
                break;
        }
    }
}
