using System.Numerics;

namespace QLora.Text.Jinja;

// A template's values are CLR objects:
//   None  null          bool  bool         int    long (BigInteger where JSON brings a larger one; it can be printed and compared)
//   float double        str   string       list, tuple  Sequence      dict  Mapping
//   undefined  Undefined              namespace, loop  IMembers       macro, method  Callable
// Strings are UTF-16 here and code points in Python: whatever counts or cuts goes through CodePoints.

/// <summary>What a missing variable or member is: empty when printed, false when tested, an error in almost everything else.</summary>
/// <param name="Reason">What is missing, as the error says it.</param>
internal sealed record Undefined(string Reason)
{
    public TemplateError Error => new(Reason);
}

/// <summary>A list or a tuple. Neither can be changed: transformers runs templates in Jinja's immutable sandbox.</summary>
internal sealed class Sequence(IReadOnlyList<object?> items, bool isTuple = false)
{
    public IReadOnlyList<object?> Items => items;

    public bool IsTuple => isTuple;

    public static Sequence Pair(object? first, object? second) => new([first, second], isTuple: true);
}

/// <summary>A dictionary in order of insertion.</summary>
internal sealed class Mapping
{
    private readonly OrderedDictionary<object, object?> _entries = new(KeyComparer.Instance);

    public int Count => _entries.Count;

    public IEnumerable<object> Keys => _entries.Keys;

    public IEnumerable<KeyValuePair<object, object?>> Entries => _entries;

    public object? this[string key]
    {
        set => _entries[key] = value;
    }

    public void Set(object? key, object? value)
    {
        if (!IsKey(key)) throw new TemplateError($"a {Python.TypeName(key)} can't be a key here; strings, numbers and booleans can");
        _entries[key!] = value;
    }

    public bool TryGet(object? key, out object? value)
    {
        value = null;
        return IsKey(key) && _entries.TryGetValue(key!, out value);
    }

    private static bool IsKey(object? key) => key is string or long or double or bool or BigInteger;

    /// <summary>1, 1.0 and true are the same key, as in Python.</summary>
    private sealed class KeyComparer : IEqualityComparer<object>
    {
        public static readonly KeyComparer Instance = new();

        public new bool Equals(object? x, object? y) => Number(x) is { } a && Number(y) is { } b ? a == b : object.Equals(x, y);

        public int GetHashCode(object key) => Number(key)?.GetHashCode() ?? key.GetHashCode();

        private static double? Number(object? key) => key switch { long i => i, double d => d, bool b => b ? 1 : 0, _ => null };
    }
}

/// <summary>A value with attributes of its own.</summary>
internal interface IMembers
{
    /// <summary>The attribute; false when there is none.</summary>
    bool TryGetMember(string name, out object? value);
}

/// <summary>namespace(…): the one value that a template can change.</summary>
internal sealed class Namespace(IEnumerable<KeyValuePair<string, object?>> members) : IMembers
{
    private readonly Dictionary<string, object?> _members = new(members);

    public bool TryGetMember(string name, out object? value) => _members.TryGetValue(name, out value);

    public void Set(string name, object? value) => _members[name] = value;
}

/// <summary>A macro, method or global function.</summary>
internal sealed class Callable(string name, Func<Arguments, object?> invoke)
{
    public string Name => name;

    public object? Invoke(Arguments arguments) => invoke(arguments);
}
