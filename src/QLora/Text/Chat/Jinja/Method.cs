namespace QLora.Text.Jinja;

/// <summary>A method, filter or test by its parameters and what it computes of a value.</summary>
/// <param name="Parameters">Their names, in order; null when it takes any number.</param>
/// <param name="Compute">The result of value and arguments.</param>
internal sealed record Method(string[]? Parameters, Func<Budget, object?, Arguments, object?> Compute)
{
    public object? Invoke(Budget budget, string name, object? value, Arguments arguments)
    {
        budget.SpendOn(value);
        var result = Compute(budget, value, Parameters is null ? arguments : arguments.Bind(name, Parameters));
        budget.SpendOn(result);
        return result;
    }
}
