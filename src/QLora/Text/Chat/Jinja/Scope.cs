namespace QLora.Text.Jinja;

/// <summary>Variables. Loops, macros, with and captured blocks have a scope of their own, from which outer variables are seen but not changed.</summary>
internal sealed class Scope(Scope? parent = null)
{
    private readonly Dictionary<string, object?> _variables = [];

    public void Set(string name, object? value) => _variables[name] = value;

    public object? Get(string name)
    {
        for (var scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._variables.TryGetValue(name, out var value)) return value;
        }

        return new Undefined($"'{name}' is undefined");
    }

    private Scope? Outer => parent;
}
