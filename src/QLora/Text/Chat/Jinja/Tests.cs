using System.Numerics;
using System.Text;

namespace QLora.Text.Jinja;

/// <summary>What can stand after "is".</summary>
internal static class Tests
{
    public static readonly IReadOnlyDictionary<string, Method> Table = new Dictionary<string, Method>
    {
        ["defined"] = Of(value => value is not Undefined),
        ["undefined"] = Of(value => value is Undefined),
        ["none"] = Of(value => value is null),
        ["boolean"] = Of(value => value is bool),
        ["true"] = Of(value => value is true),
        ["false"] = Of(value => value is false),
        ["string"] = Of(value => value is string),
        ["number"] = Of(value => value is bool or long or double or BigInteger),
        ["integer"] = Of(value => value is long or BigInteger),
        ["float"] = Of(value => value is double),
        ["mapping"] = Of(value => value is Mapping),
        ["sequence"] = Of(Python.IsIterable),
        ["iterable"] = Of(Python.IsIterable),
        ["callable"] = Of(value => value is Callable),
        ["upper"] = new([], (budget, value, _) => StringMethods.IsCased(PythonText.Of(budget, value), Rune.IsUpper, Rune.IsLower)),
        ["lower"] = new([], (budget, value, _) => StringMethods.IsCased(PythonText.Of(budget, value), Rune.IsLower, Rune.IsUpper)),
        ["odd"] = new([], (budget, value, _) => Remainder(budget, value, 2L) is 1L or 1.0),
        ["even"] = new([], (budget, value, _) => Remainder(budget, value, 2L) is 0L or 0.0),
        ["divisibleby"] = new(["num"], (budget, value, a) => Remainder(budget, value, a[0]) is 0L or 0.0),
        ["sameas"] = new(["other"], (budget, value, a) => value is null or bool or string ? Equals(value, a[0]) : ReferenceEquals(value, a[0])),
        ["in"] = new(["seq"], (budget, value, a) => Comparison.Contains(budget, a[0], value)),
        ["filter"] = Of(value => value is string name && Filters.Table.ContainsKey(name)),
        ["test"] = Of(value => value is string name && Table!.ContainsKey(name)),
        ["eq"] = Compare("=="), ["equalto"] = Compare("=="), ["=="] = Compare("=="),
        ["ne"] = Compare("!="), ["!="] = Compare("!="),
        ["lt"] = Compare("<"), ["lessthan"] = Compare("<"), ["<"] = Compare("<"),
        ["le"] = Compare("<="), ["<="] = Compare("<="),
        ["gt"] = Compare(">"), ["greaterthan"] = Compare(">"), [">"] = Compare(">"),
        ["ge"] = Compare(">="), [">="] = Compare(">="),
    };

    /// <summary>Whether the value passes the test of that name.</summary>
    public static bool Passes(Budget budget, string name, object? value, Arguments arguments)
    {
        if (!Table.TryGetValue(name, out var test)) throw new TemplateError($"there is no test '{name}'");
        return (bool)test.Invoke(budget, name, value, arguments)!;
    }

    private static Method Of(Func<object?, bool> holds) => new([], (_, value, _) => holds(value));

    private static Method Compare(string op) => new(["other"], (budget, value, a) => Comparison.Evaluate(budget, op, value, a[0]));

    private static object? Remainder(Budget budget, object? value, object? divisor) => Arithmetic.Evaluate(budget, "%", value, divisor);
}
