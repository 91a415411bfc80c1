namespace QLora.Text.Jinja;

/// <summary>value.name, value[index] and value[start:stop:step].</summary>
internal static class Members
{
    /// <summary>value.name: the attribute, or else the item.</summary>
    public static object? Attribute(Budget budget, object? target, string name) =>
        target is Undefined undefined ? throw undefined.Error
        : Find(budget, target, name, out var value) || (target is Mapping mapping && mapping.TryGet(name, out value)) ? value
        : Missing(target, name);

    /// <summary>value[index]: the item, or else the attribute.</summary>
    public static object? Item(Budget budget, object? target, object? index)
    {
        if (target is Undefined undefined) throw undefined.Error;
        if (target is Mapping mapping && mapping.TryGet(index, out var value)) return value;
        if (target is Sequence or string && Python.AsInteger(index) is { } i) return ItemAt(budget, target, i);
        if (index is string name) return Find(budget, target, name, out value) ? value : Missing(target, name);
        return new Undefined($"{Python.TypeName(target)} object has no element {PythonText.Repr(budget, index)}");
    }

    /// <summary>value[start:stop:step] of a list, tuple or string; null stands for a part that isn't given.</summary>
    public static object? Slice(Budget budget, object? target, object? start, object? stop, object? step)
    {
        budget.SpendOn(target);
        if (target is Undefined undefined) throw undefined.Error;
        if (target is not (string or Sequence)) return new Undefined($"'{Python.TypeName(target)}' object can't be sliced");
        var items = Python.Iterate(target);
        var stride = step is null ? 1 : Python.Index(step);
        if (stride == 0) throw new TemplateError("slice step cannot be zero");
        var (low, high) = stride > 0 ? (0L, (long)items.Count) : (-1L, items.Count - 1L);
        var from = Bound(start, stride > 0 ? low : high, low, high, items.Count);
        var to = Bound(stop, stride > 0 ? high : low, low, high, items.Count);
        List<object?> taken = [];
        for (var i = from; stride > 0 ? i < to : i > to; i = Math.Clamp(i + Math.Clamp(stride, -items.Count - 1, items.Count + 1), -1, items.Count)) taken.Add(items[(int)i]);
        return target is string ? CodePoints.Join(taken) : new Sequence(taken, ((Sequence)target).IsTuple);
    }

    private static long Bound(object? given, long otherwise, long low, long high, int count)
    {
        if (given is null) return otherwise;
        var index = Python.Index(given);
        return Math.Clamp(index < 0 ? index + count : index, low, high);
    }

    private static object? ItemAt(Budget budget, object? target, long index)
    {
        if (target is string) budget.SpendOn(target);
        var items = Python.Iterate(target);
        var position = index < 0 ? index + items.Count : index;
        return position >= 0 && position < items.Count ? items[(int)position] : new Undefined($"{Python.TypeName(target)} object has no element {index}");
    }

    private static bool Find(Budget budget, object? target, string name, out object? value)
    {
        value = null;
        if (target is IMembers members) return members.TryGetMember(name, out value);
        var function = target switch
        {
            string => StringMethods.Table.GetValueOrDefault(name),
            Sequence => SequenceMethods.Table.GetValueOrDefault(name),
            Mapping => MappingMethods.Table.GetValueOrDefault(name),
            _ => null,
        };
        if (function is null) return false;
        value = new Callable(name, arguments => function.Invoke(budget, name, target, arguments));
        return true;
    }

    private static Undefined Missing(object? target, string name) => new(
        target is null ? $"'None' has no attribute '{name}'"
        : target is Sequence or Mapping && name is "append" or "extend" or "insert" or "remove" or "sort" or "clear" or "pop" or "popitem" or "setdefault" or "update"
            ? $"'{name}' would change the {Python.TypeName(target)}, which templates may not; use + or a namespace"
        : $"'{Python.TypeName(target)} object' has no attribute '{name}'");
}
