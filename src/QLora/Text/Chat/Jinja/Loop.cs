namespace QLora.Text.Jinja;

/// <summary>The variable "loop" inside a for.</summary>
internal sealed class Loop(Budget budget, IReadOnlyList<object?> items, int depth, Func<object?, string>? recurse) : IMembers
{
    private object? _lastChanged;

    /// <summary>The place of the current item, from 0.</summary>
    public int Index { get; set; }

    /// <summary>loop(items): the loop's own text for other items, where it is recursive.</summary>
    public string Recurse(Arguments arguments)
    {
        if (recurse is null) throw new TemplateError("The loop must have the 'recursive' marker to be called recursively.");
        return recurse(arguments.Bind("loop", ["items"])[0]);
    }

    public bool TryGetMember(string name, out object? value)
    {
        value = name switch
        {
            "index" => Index + 1L,
            "index0" => (long)Index,
            "revindex" => (long)items.Count - Index,
            "revindex0" => items.Count - 1L - Index,
            "first" => Index == 0,
            "last" => Index == items.Count - 1,
            "length" => (long)items.Count,
            "depth" => depth + 1L,
            "depth0" => (long)depth,
            "previtem" => Index > 0 ? items[Index - 1] : new Undefined("there is no previous item"),
            "nextitem" => Index + 1 < items.Count ? items[Index + 1] : new Undefined("there is no next item"),
            "cycle" => new Callable(name, Cycle),
            "changed" => new Callable(name, Changed),
            _ => this,
        };
        return value != this;
    }

    private object? Cycle(Arguments arguments) => arguments.Count > 0 ? arguments[Index % arguments.Count] : throw new TemplateError("no items for cycling given");

    private object? Changed(Arguments arguments)
    {
        var value = new Sequence(arguments.Positional, isTuple: true);
        if (_lastChanged is not null && Comparison.AreEqual(budget, _lastChanged, value)) return false;
        _lastChanged = value;
        return true;
    }
}
