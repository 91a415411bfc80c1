namespace QLora.Text.Jinja;

/// <summary>The arguments of a call, filter or test.</summary>
internal sealed class Arguments(IReadOnlyList<object?> positional, IReadOnlyDictionary<string, object?> named)
{
    private static readonly object NotGiven = new();

    public static readonly Arguments None = new([], new Dictionary<string, object?>());

    public IReadOnlyList<object?> Positional => positional;

    public IReadOnlyDictionary<string, object?> Named => named;

    public int Count => positional.Count;

    /// <summary>Argument <paramref name="index"/>; null when it isn't given.</summary>
    public object? this[int index] => Has(index) ? positional[index] : null;

    public bool Has(int index) => index < positional.Count && positional[index] != NotGiven;

    public string? Text(int index) => this[index] switch
    {
        null => null,
        string text => text,
        Undefined undefined => throw undefined.Error,
        var other => throw new TemplateError($"expected a str, found a {Python.TypeName(other)}"),
    };

    public long Integer(int index, long otherwise) => Has(index) ? Python.Index(this[index]) : otherwise;

    public bool Flag(int index, bool otherwise = false) => Has(index) ? Python.IsTrue(this[index]) : otherwise;

    /// <summary>The arguments from <paramref name="index"/> on.</summary>
    public Arguments From(int index) => new([.. positional.Skip(index)], named);

    /// <summary>The arguments in the order of the parameters, whether they were given by position or by name.</summary>
    /// <param name="function">The name of what is called, for messages.</param>
    /// <param name="parameters">The names of its parameters.</param>
    public Arguments Bind(string function, string[] parameters)
    {
        if (positional.Count > parameters.Length) throw new TemplateError($"{function} takes at most {parameters.Length} arguments, found {positional.Count}");
        if (named.Count == 0) return this;
        var bound = new object?[parameters.Length];
        Array.Fill(bound, NotGiven);
        for (var i = 0; i < positional.Count; i++) bound[i] = positional[i];
        foreach (var (name, value) in named)
        {
            var index = Array.IndexOf(parameters, name);
            if (index < 0) throw new TemplateError($"{function} has no parameter '{name}'{(parameters.Length > 0 ? $"; it has {string.Join(", ", parameters)}" : "")}");
            if (bound[index] != NotGiven) throw new TemplateError($"{function} is given '{name}' twice");
            bound[index] = value;
        }

        return new Arguments(bound, None.Named);
    }
}
