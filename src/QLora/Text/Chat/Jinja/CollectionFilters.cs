namespace QLora.Text.Jinja;

/// <summary>The filters of lists and dictionaries. All give lists, where Jinja has generators.</summary>
internal static class CollectionFilters
{
    public static readonly IReadOnlyDictionary<string, Method> Table = new Dictionary<string, Method>
    {
        ["batch"] = new(["linecount", "fill_with"], (budget, value, a) => Batch(budget, Items(value), a)),
        ["count"] = Length, ["length"] = Length,
        ["dictsort"] = new(["case_sensitive", "by", "reverse"], DictionarySort),
        ["first"] = new([], (_, value, _) => Items(value) is { Count: > 0 } items ? items[0] : new Undefined("No first item, sequence was empty.")),
        ["groupby"] = new(["attribute", "default"], GroupBy),
        ["items"] = new([], (_, value, _) => value switch
        {
            Undefined => new Sequence([]),
            Mapping mapping => MappingMethods.Items(mapping),
            _ => throw new TemplateError("Can only get item pairs from a mapping."),
        }),
        ["join"] = new(["d", "attribute"], Join),
        ["last"] = new([], (_, value, _) => Items(value) is { Count: > 0 } items ? items[^1] : new Undefined("No last item, sequence was empty.")),
        ["list"] = new([], (_, value, _) => new Sequence(Items(value))),
        ["map"] = new(null, Map),
        ["max"] = new(["case_sensitive", "attribute"], (budget, value, a) => Extreme(budget, value, a, "max", sign: 1)),
        ["min"] = new(["case_sensitive", "attribute"], (budget, value, a) => Extreme(budget, value, a, "min", sign: -1)),
        ["reject"] = new(null, (budget, value, a) => Select(budget, value, a, attribute: false, wanted: false)),
        ["rejectattr"] = new(null, (budget, value, a) => Select(budget, value, a, attribute: true, wanted: false)),
        ["reverse"] = new([], (_, value, _) => value is string text ? CodePoints.Join(CodePoints.Split(text).Reverse()) : new Sequence([.. Items(value).Reverse()])),
        ["select"] = new(null, (budget, value, a) => Select(budget, value, a, attribute: false, wanted: true)),
        ["selectattr"] = new(null, (budget, value, a) => Select(budget, value, a, attribute: true, wanted: true)),
        ["sort"] = new(["reverse", "case_sensitive", "attribute"], (budget, value, a) => new Sequence(Sort(budget, Items(value), Key(budget, a[2], a.Flag(1)), a.Flag(0)))),
        ["sum"] = new(["attribute", "start"], (budget, value, a) =>
            Items(value).Select(Key(budget, a[0], caseSensitive: true)).Aggregate(a.Has(1) ? a[1] : 0L, (sum, item) => Arithmetic.Evaluate(budget, "+", sum, item))),
        ["unique"] = new(["case_sensitive", "attribute"], Unique),
    };

    private static Method Length => new([], (_, value, _) => Python.Length(value));

    private static IReadOnlyList<object?> Items(object? value) => Python.Iterate(value);

    /// <summary>What an item is sorted, compared or summed by: itself or its attribute, strings without their case unless that counts.</summary>
    private static Func<object?, object?> Key(Budget budget, object? attribute, bool caseSensitive) => item =>
    {
        var value = attribute is null ? item : Path(budget, item, attribute);
        return value is string text && !caseSensitive ? text.ToLowerInvariant() : value;
    };

    /// <summary>The attribute of an item, through dots: "function.name".</summary>
    private static object? Path(Budget budget, object? item, object? attribute)
    {
        if (attribute is not string path) return Members.Item(budget, item, attribute);
        foreach (var part in path.Split('.')) item = Members.Item(budget, item, long.TryParse(part, out var index) ? index : part);
        return item;
    }

    private static List<object?> Sort(Budget budget, IReadOnlyList<object?> items, Func<object?, object?> key, bool descending)
    {
        var byKey = Comparer<object?>.Create((a, b) => Comparison.Order(budget, "<", a, b) ?? 0);
        try
        {
            return [.. descending ? items.OrderByDescending(key, byKey) : items.OrderBy(key, byKey)];
        }
        catch (InvalidOperationException e) when (e.InnerException is TemplateError inner)
        {
            throw inner;
        }
    }

    private static Sequence DictionarySort(Budget budget, object? value, Arguments arguments)
    {
        if (value is not Mapping mapping) throw new TemplateError($"dictsort: expected a dict, found a {Python.TypeName(value)}");
        var by = arguments.Text(1) ?? "key";
        if (by is not ("key" or "value")) throw new TemplateError("You can only sort by either \"key\" or \"value\"");
        return new Sequence(Sort(budget, MappingMethods.Items(mapping).Items, Key(budget, by == "key" ? 0L : 1L, arguments.Flag(0)), arguments.Flag(2)));
    }

    private static Sequence GroupBy(Budget budget, object? value, Arguments arguments)
    {
        var key = Key(budget, arguments[0], caseSensitive: false);
        List<object?> groups = [];
        List<object?> members = [];
        foreach (var item in Sort(budget, Items(value), key, descending: false))
        {
            if (members.Count > 0 && !Comparison.AreEqual(budget, key(members[0]), key(item))) CloseGroup();
            members.Add(item);
        }

        if (members.Count > 0) CloseGroup();
        return new Sequence(groups);

        void CloseGroup()
        {
            groups.Add(Sequence.Pair(Path(budget, members[0], arguments[0]), new Sequence(members)));
            members = [];
        }
    }

    private static string Join(Budget budget, object? value, Arguments arguments)
    {
        var items = Items(value).Select(Key(budget, arguments[1], caseSensitive: true)).Select(item => (object?)PythonText.Of(budget, item));
        return StringMethods.Join(budget, PythonText.Of(budget, arguments[0] ?? ""), new Sequence([.. items]));
    }

    private static Sequence Map(Budget budget, object? value, Arguments arguments)
    {
        if (arguments.Named.TryGetValue("attribute", out var attribute))
        {
            var hasDefault = arguments.Named.TryGetValue("default", out var otherwise);
            return new Sequence([.. Items(value).Select(item => Path(budget, item, attribute) is var found && found is Undefined && hasDefault ? otherwise : found)]);
        }

        if (arguments[0] is not string filter) throw new TemplateError("map requires a filter argument");
        var rest = arguments.From(1);
        return new Sequence([.. Items(value).Select(item => Filters.Apply(budget, filter, item, rest))]);
    }

    private static Sequence Select(Budget budget, object? value, Arguments arguments, bool attribute, bool wanted)
    {
        if (attribute && !arguments.Has(0)) throw new TemplateError("Missing parameter for attribute name");
        var first = attribute ? 1 : 0;
        var test = arguments.Text(first);
        var rest = arguments.From(first + 1);
        return new Sequence([.. Items(value).Where(item => Passes(attribute ? Path(budget, item, arguments[0]) : item) == wanted)]);

        bool Passes(object? tested) => test is null ? Python.IsTrue(tested) : Tests.Passes(budget, test, tested, rest);
    }

    private static object? Extreme(Budget budget, object? value, Arguments arguments, string name, int sign)
    {
        var items = Items(value);
        if (items.Count == 0) return new Undefined("No aggregated item, sequence was empty.");
        var key = Key(budget, arguments[1], arguments.Flag(0));
        return items.Aggregate((best, item) => Comparison.Order(budget, name, key(item), key(best)) * sign > 0 ? item : best);
    }

    private static Sequence Unique(Budget budget, object? value, Arguments arguments)
    {
        var key = Key(budget, arguments[1], arguments.Flag(0));
        List<object?> kept = [];
        foreach (var item in Items(value))
        {
            if (!kept.Any(other => Comparison.AreEqual(budget, key(other), key(item)))) kept.Add(item);
        }

        return new Sequence(kept);
    }

    private static Sequence Batch(Budget budget, IReadOnlyList<object?> items, Arguments arguments)
    {
        var size = (int)Math.Clamp(arguments.Integer(0, 0), 0, int.MaxValue);
        if (size == 0) throw new TemplateError("batch needs a size of at least 1");
        List<object?> batches = [];
        foreach (var chunk in items.Chunk(size))
        {
            var missing = arguments.Has(1) && arguments[1] is not null ? size - chunk.Length : 0;
            budget.SpendFor(missing);
            batches.Add(new Sequence([.. chunk, .. Enumerable.Repeat(arguments[1], missing)]));
        }

        return new Sequence(batches);
    }
}
