namespace QLora.Text.Jinja;

/// <summary>The methods of list and tuple that change nothing.</summary>
internal static class SequenceMethods
{
    public static readonly IReadOnlyDictionary<string, Method> Table = new Dictionary<string, Method>
    {
        ["copy"] = new([], (_, value, _) => value),
        ["count"] = new(["value"], (budget, value, a) => (long)((Sequence)value!).Items.Count(item => Comparison.AreEqual(budget, item, a[0]))),
        ["index"] = new(["value"], (budget, value, a) => IndexOf(budget, (Sequence)value!, a[0])),
    };

    private static object IndexOf(Budget budget, Sequence sequence, object? wanted)
    {
        for (var i = 0; i < sequence.Items.Count; i++) if (Comparison.AreEqual(budget, sequence.Items[i], wanted)) return (long)i;
        throw new TemplateError($"{PythonText.Repr(budget, wanted)} is not in list");
    }
}

/// <summary>The methods of dict that change nothing.</summary>
internal static class MappingMethods
{
    public static readonly IReadOnlyDictionary<string, Method> Table = new Dictionary<string, Method>
    {
        ["copy"] = new([], (_, value, _) => value),
        ["get"] = new(["key", "default"], (_, value, a) => Get((Mapping)value!, a)),
        ["items"] = new([], (_, value, _) => Items((Mapping)value!)),
        ["keys"] = new([], (_, value, _) => new Sequence([.. ((Mapping)value!).Keys])),
        ["values"] = new([], (_, value, _) => new Sequence([.. ((Mapping)value!).Entries.Select(entry => entry.Value)])),
    };

    private static object? Get(Mapping mapping, Arguments arguments)
    {
        if (!arguments.Has(0)) throw new TemplateError("get expected at least 1 argument, got 0");
        return mapping.TryGet(arguments[0], out var found) ? found : arguments[1];
    }

    /// <summary>The entries as pairs (key, value).</summary>
    public static Sequence Items(Mapping mapping) => new([.. mapping.Entries.Select(entry => Sequence.Pair(entry.Key, entry.Value))]);
}
