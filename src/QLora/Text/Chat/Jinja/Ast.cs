namespace QLora.Text.Jinja;

/// <summary>A whole template.</summary>
internal sealed record Template(IReadOnlyList<Statement> Body, bool HasGenerationBlocks);

/// <summary>Something that has a value.</summary>
internal abstract record Expression;

internal sealed record LiteralExpression(object? Value) : Expression;

internal sealed record NameExpression(string Name) : Expression;

internal sealed record SequenceExpression(IReadOnlyList<Expression> Items, bool IsTuple) : Expression;

internal sealed record DictionaryExpression(IReadOnlyList<(Expression Key, Expression Value)> Entries) : Expression;

/// <summary>'-', '+' or 'not'.</summary>
internal sealed record UnaryExpression(string Operator, Expression Operand) : Expression;

/// <summary>Arithmetic, '~', 'and', 'or'.</summary>
internal sealed record BinaryExpression(string Operator, Expression Left, Expression Right) : Expression;

/// <summary>a &lt; b &lt;= c: every pair must hold, and each operand is evaluated once.</summary>
internal sealed record ComparisonExpression(Expression First, IReadOnlyList<(string Operator, Expression Right)> Rest) : Expression;

/// <summary>Then if Condition else Otherwise; without the last, undefined.</summary>
internal sealed record ConditionalExpression(Expression Condition, Expression Then, Expression? Otherwise) : Expression;

/// <summary>value.name: an attribute, or else an item.</summary>
internal sealed record MemberExpression(Expression Target, string Name) : Expression;

/// <summary>value[index]: an item, or else an attribute.</summary>
internal sealed record ItemExpression(Expression Target, Expression Index) : Expression;

internal sealed record SliceExpression(Expression Target, Expression? Start, Expression? Stop, Expression? Step) : Expression;

internal sealed record CallExpression(Expression Callee, ArgumentList Arguments) : Expression;

/// <summary>value | name(arguments); without a value the text of the block that it filters.</summary>
internal sealed record FilterExpression(Expression? Value, string Name, ArgumentList Arguments) : Expression;

internal sealed record TestExpression(Expression Value, string Name, ArgumentList Arguments) : Expression;

internal sealed record ArgumentList(IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Named)
{
    public static readonly ArgumentList Empty = new([], []);
}

/// <summary>What an assignment assigns to.</summary>
internal abstract record Target;

internal sealed record NameTarget(string Name) : Target;

internal sealed record TupleTarget(IReadOnlyList<Target> Items) : Target;

/// <summary>ns.name, where ns is a namespace: the way to change a variable from inside a loop.</summary>
internal sealed record NamespaceTarget(string Namespace, string Name) : Target;

/// <summary>Something that a template does.</summary>
/// <param name="Line">Where it begins, counted from 1.</param>
internal abstract record Statement(int Line);

internal sealed record TextStatement(int Line, string Text) : Statement(Line);

internal sealed record OutputStatement(int Line, Expression Value) : Statement(Line);

internal sealed record IfStatement(int Line, IReadOnlyList<(Expression Condition, IReadOnlyList<Statement> Body)> Branches, IReadOnlyList<Statement> Otherwise) : Statement(Line);

internal sealed record ForStatement(
    int Line, Target Target, Expression Items, Expression? Filter, bool IsRecursive, IReadOnlyList<Statement> Body, IReadOnlyList<Statement> Otherwise) : Statement(Line);

internal sealed record BreakStatement(int Line) : Statement(Line);

internal sealed record ContinueStatement(int Line) : Statement(Line);

internal sealed record SetStatement(int Line, Target Target, Expression Value) : Statement(Line);

/// <summary>{% set name | filters %}…{% endset %}: the captured text, through the filters.</summary>
internal sealed record SetBlockStatement(int Line, Target Target, FilterExpression? Filter, IReadOnlyList<Statement> Body) : Statement(Line);

internal sealed record WithStatement(int Line, IReadOnlyList<(Target Target, Expression Value)> Assignments, IReadOnlyList<Statement> Body) : Statement(Line);

internal sealed record FilterBlockStatement(int Line, FilterExpression Filter, IReadOnlyList<Statement> Body) : Statement(Line);

internal sealed record MacroStatement(int Line, string Name, IReadOnlyList<Parameter> Parameters, IReadOnlyList<Statement> Body) : Statement(Line);

/// <summary>{% call(parameters) macro(arguments) %}…{% endcall %}: the body is the macro's caller().</summary>
internal sealed record CallBlockStatement(int Line, IReadOnlyList<Parameter> Parameters, CallExpression Call, IReadOnlyList<Statement> Body) : Statement(Line);

/// <summary>{% generation %}: what the model itself says; its place in the output is recorded.</summary>
internal sealed record GenerationStatement(int Line, IReadOnlyList<Statement> Body) : Statement(Line);

internal sealed record Parameter(string Name, Expression? Default);
