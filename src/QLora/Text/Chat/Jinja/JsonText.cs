using System.Globalization;
using System.Numerics;
using System.Text;

namespace QLora.Text.Jinja;

/// <summary>The filter tojson as transformers defines it: Python's json.dumps without Jinja's HTML escapes.</summary>
internal sealed class JsonText(Budget budget, bool ensureAscii, int? indent, string? itemSeparator, string? keySeparator, bool sortKeys)
{
    private readonly StringBuilder _result = new();
    private readonly string _itemSeparator = itemSeparator ?? (indent is null ? ", " : ",");
    private readonly string _keySeparator = keySeparator ?? ": ";

    public string Write(object? value)
    {
        Append(value, 0);
        return _result.ToString();
    }

    private void Append(object? value, int depth)
    {
        StackGuard.Check();
        budget.Spend();
        switch (value)
        {
            case null: _result.Append("null"); break;
            case bool b: _result.Append(b ? "true" : "false"); break;
            case long i: _result.Append(i.ToString(CultureInfo.InvariantCulture)); break;
            case BigInteger big: _result.Append(big.ToString(CultureInfo.InvariantCulture)); break;
            case double d: _result.Append(OfFloat(d)); break;
            case string s: AppendString(s); break;
            case Sequence sequence: AppendItems('[', ']', sequence.Items, item => Append(item, depth + 1), depth); break;
            case Mapping mapping:
                var entries = sortKeys ? mapping.Entries.OrderBy(entry => KeyText(entry.Key), StringComparer.Ordinal) : mapping.Entries;
                AppendItems('{', '}', [.. entries], entry => AppendEntry(entry, depth + 1), depth);
                break;
            default: throw new TemplateError($"Object of type {Python.TypeName(value)} is not JSON serializable");
        }
    }

    private void AppendItems<T>(char open, char close, IReadOnlyList<T> items, Action<T> append, int depth)
    {
        _result.Append(open);
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0) _result.Append(_itemSeparator);
            NewLine(depth + 1);
            append(items[i]);
        }

        if (items.Count > 0) NewLine(depth);
        _result.Append(close);
    }

    private void NewLine(int depth)
    {
        if (indent is not { } width) return;
        budget.SpendFor((long)width * depth);
        _result.Append('\n').Append(' ', width * depth);
    }

    private void AppendEntry(KeyValuePair<object, object?> entry, int depth)
    {
        AppendString(KeyText(entry.Key));
        _result.Append(_keySeparator);
        Append(entry.Value, depth);
    }

    private static string KeyText(object key) => key switch
    {
        string s => s,
        bool b => b ? "true" : "false",
        double d => OfFloat(d),
        _ => Convert.ToString(key, CultureInfo.InvariantCulture)!,
    };

    private static string OfFloat(double value) =>
        double.IsNaN(value) ? "NaN" : double.IsInfinity(value) ? (value > 0 ? "Infinity" : "-Infinity") : PythonText.OfFloat(value);

    private void AppendString(string text)
    {
        budget.SpendFor(text.Length);
        _result.Append('"');
        foreach (var c in text)
        {
            switch (c)
            {
                case '"': _result.Append("\\\""); break;
                case '\\': _result.Append("\\\\"); break;
                case '\n': _result.Append("\\n"); break;
                case '\r': _result.Append("\\r"); break;
                case '\t': _result.Append("\\t"); break;
                case '\b': _result.Append("\\b"); break;
                case '\f': _result.Append("\\f"); break;
                case < ' ': _result.Append($"\\u{(int)c:x4}"); break;
                case > '\x7e' when ensureAscii: _result.Append($"\\u{(int)c:x4}"); break;
                default: _result.Append(c); break;
            }
        }

        _result.Append('"');
    }
}
