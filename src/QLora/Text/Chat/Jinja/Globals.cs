namespace QLora.Text.Jinja;

/// <summary>The functions that every template has: Jinja's range, namespace and dict, and transformers' raise_exception and strftime_now.</summary>
internal static class Globals
{
    public static IEnumerable<KeyValuePair<string, object?>> All(Budget budget, DateTimeOffset now)
    {
        yield return Function("range", arguments => Range(budget, arguments));
        yield return Function("namespace", arguments => new Namespace(Entries(arguments).Select(entry => KeyValuePair.Create(PythonText.Of(budget, entry.Key), entry.Value))));
        yield return Function("dict", Dictionary);
        yield return Function("raise_exception", arguments => throw new TemplateError(PythonText.Of(budget, arguments.Bind("raise_exception", ["message"])[0])));
        yield return Function("strftime_now", arguments => Strftime.Format(now, arguments.Bind("strftime_now", ["format"]).Text(0) ?? ""));
    }

    private static KeyValuePair<string, object?> Function(string name, Func<Arguments, object?> invoke) => KeyValuePair.Create(name, (object?)new Callable(name, invoke));

    private static Sequence Range(Budget budget, Arguments arguments)
    {
        if (arguments.Count is 0 or > 3) throw new TemplateError($"range takes 1 to 3 arguments, found {arguments.Count}");
        var start = arguments.Count == 1 ? 0 : arguments.Integer(0, 0);
        var stop = arguments.Count == 1 ? arguments.Integer(0, 0) : arguments.Integer(1, 0);
        var step = arguments.Integer(2, 1);
        if (step == 0) throw new TemplateError("range() arg 3 must not be zero");
        List<object?> items = [];
        for (Int128 i = start; step > 0 ? i < stop : i > stop; i += step)
        {
            budget.Spend();
            items.Add((long)i);
        }

        return new Sequence(items);
    }

    private static Mapping Dictionary(Arguments arguments)
    {
        var mapping = new Mapping();
        foreach (var (key, value) in Entries(arguments)) mapping.Set(key, value);
        return mapping;
    }

    /// <summary>What dict() makes of its arguments: a dict or a list of pairs, and names with values.</summary>
    private static IEnumerable<KeyValuePair<object?, object?>> Entries(Arguments arguments)
    {
        if (arguments.Count > 1) throw new TemplateError($"expected at most 1 argument, found {arguments.Count}");
        var pairs = arguments[0] is Mapping given ? MappingMethods.Items(given).Items : Python.Iterate(arguments[0] ?? new Sequence([]));
        foreach (var pair in pairs)
        {
            var parts = Python.Iterate(pair);
            if (parts.Count != 2) throw new TemplateError($"expected pairs (key, value), found {parts.Count} elements");
            yield return KeyValuePair.Create(parts[0], parts[1]);
        }

        foreach (var (name, value) in arguments.Named) yield return KeyValuePair.Create<object?, object?>(name, value);
    }
}
