using System.Numerics;

namespace QLora.Text.Jinja;

/// <summary>==, &lt; and in, as Python has them.</summary>
internal static class Comparison
{
    public static bool Evaluate(Budget budget, string op, object? left, object? right) => op switch
    {
        "==" => AreEqual(budget, left, right),
        "!=" => !AreEqual(budget, left, right),
        "in" => Contains(budget, right, left),
        "not in" => !Contains(budget, right, left),
        "<" => Order(budget, op, left, right) is < 0,
        "<=" => Order(budget, op, left, right) is <= 0,
        ">" => Order(budget, op, left, right) is > 0,
        _ => Order(budget, op, left, right) is >= 0,
    };

    public static bool AreEqual(Budget budget, object? left, object? right)
    {
        StackGuard.Check();
        budget.Spend();
        switch (left, right)
        {
            case (null, _) or (_, null): return left is null && right is null;
            case (Undefined, Undefined): return true;
            case (string a, string b): return a == b;
            case (Sequence a, Sequence b):
                return a.IsTuple == b.IsTuple && a.Items.Count == b.Items.Count && a.Items.Zip(b.Items).All(pair => AreEqual(budget, pair.First, pair.Second));
            case (Mapping a, Mapping b):
                return a.Count == b.Count && a.Entries.All(entry => b.TryGet(entry.Key, out var other) && AreEqual(budget, entry.Value, other));
        }

        if (Python.AsInteger(left) is { } i && Python.AsInteger(right) is { } j) return i == j;
        if (left is BigInteger big && right is BigInteger other) return big == other;
        return Python.AsFloat(left) is { } x && Python.AsFloat(right) is { } y ? x == y : ReferenceEquals(left, right);
    }

    /// <summary>Negative, zero or positive; null when neither is smaller and they differ (NaN).</summary>
    public static int? Order(Budget budget, string op, object? left, object? right)
    {
        StackGuard.Check();
        budget.Spend();
        if ((left as Undefined ?? right as Undefined) is { } undefined) throw undefined.Error;
        if (left is string a && right is string b) return CompareCodePoints(a, b);
        if (Python.AsInteger(left) is { } i && Python.AsInteger(right) is { } j) return i.CompareTo(j);
        if (Python.AsFloat(left) is { } x && Python.AsFloat(right) is { } y) return double.IsNaN(x) || double.IsNaN(y) ? null : x.CompareTo(y);
        if (left is Sequence p && right is Sequence q && p.IsTuple == q.IsTuple)
        {
            foreach (var (first, second) in p.Items.Zip(q.Items))
            {
                if (!AreEqual(budget, first, second)) return Order(budget, op, first, second);
            }

            return p.Items.Count.CompareTo(q.Items.Count);
        }

        throw new TemplateError($"'{op}' not supported between instances of '{Python.TypeName(left)}' and '{Python.TypeName(right)}'");
    }

    public static bool Contains(Budget budget, object? container, object? item)
    {
        budget.SpendOn(container);
        return container switch
        {
            string text when item is string part => text.Contains(part, StringComparison.Ordinal),
            string when item is Undefined undefined => throw undefined.Error,
            string => throw new TemplateError($"'in <string>' requires string as left operand, not {Python.TypeName(item)}"),
            Mapping mapping => mapping.TryGet(item, out _),
            Sequence or Undefined => Python.Iterate(container).Any(element => AreEqual(budget, element, item)),
            _ => throw new TemplateError($"argument of type '{Python.TypeName(container)}' is not iterable"),
        };
    }

    /// <summary>By code point, in which UTF-16 order differs above U+FFFF.</summary>
    private static int CompareCodePoints(string a, string b)
    {
        for (var i = 0; i < Math.Min(a.Length, b.Length); i++)
        {
            if (a[i] == b[i]) continue;
            var (x, y) = (a[i], b[i]);
            return char.IsSurrogate(x) != char.IsSurrogate(y) ? (char.IsSurrogate(x) ? 1 : -1) : x.CompareTo(y);
        }

        return a.Length.CompareTo(b.Length);
    }
}
