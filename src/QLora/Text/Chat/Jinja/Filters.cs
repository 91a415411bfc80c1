using System.Globalization;
using System.Numerics;

namespace QLora.Text.Jinja;

/// <summary>What can stand after '|': those filters of Jinja that make sense of text and data.</summary>
internal static class Filters
{
    public static readonly IReadOnlyDictionary<string, Method> Table = new Dictionary<string, Method>
    {
        ["abs"] = new([], (_, value, _) => Absolute(value)),
        ["attr"] = new(["name"], (budget, value, a) => value is Mapping ? new Undefined($"'dict object' has no attribute '{a.Text(0)}'") : Members.Attribute(budget, value, a.Text(0) ?? "")),
        ["capitalize"] = Text([], (s, _) => StringMethods.Capitalize(s)),
        ["default"] = Default, ["d"] = Default,
        ["e"] = Escape, ["escape"] = Escape,
        ["float"] = new(["default"], (_, value, a) => ToFloat(value) ?? (a.Has(0) ? a[0] : 0.0)),
        ["format"] = new(null, (budget, value, a) => PercentFormat.Apply(budget, PythonText.Of(budget, value), new Sequence(a.Positional, isTuple: true))),
        ["indent"] = new(["width", "first", "blank"], (budget, value, a) => Indent(budget, PythonText.Of(budget, value), a)),
        ["int"] = new(["default", "base"], (_, value, a) => ToInteger(value, a.Integer(1, 10)) ?? (a.Has(0) ? a[0] : 0L)),
        ["lower"] = Text([], (s, _) => s.ToLowerInvariant()),
        ["replace"] = new(["old", "new", "count"], (budget, value, a) =>
            StringMethods.Replace(budget, PythonText.Of(budget, value), PythonText.Of(budget, a[0]), PythonText.Of(budget, a[1]), a[2] is null ? -1 : a.Integer(2, -1))),
        ["round"] = new(["precision", "method"], (_, value, a) => Round(value, a.Integer(0, 0), a.Text(1) ?? "common")),
        ["safe"] = Text([], (s, _) => s),
        ["string"] = Text([], (s, _) => s),
        ["title"] = Text([], (s, _) => Title(s)),
        ["tojson"] = new(["ensure_ascii", "indent", "separators", "sort_keys"], (budget, value, a) => ToJson(budget, value, a)),
        ["trim"] = Text(["chars"], (s, a) => s.Trim(StringMethods.Chars(a))),
        ["upper"] = Text([], (s, _) => s.ToUpperInvariant()),
        ["urlencode"] = Text([], (s, _) => Uri.EscapeDataString(s).Replace("%2F", "/")),
        ["wordcount"] = Text([], (s, _) => (long)s.Split(PythonText.Whitespace, StringSplitOptions.RemoveEmptyEntries).Length),
    }.Concat(CollectionFilters.Table).ToDictionary();

    public static object? Apply(Budget budget, string name, object? value, Arguments arguments)
    {
        if (!Table.TryGetValue(name, out var filter)) throw new TemplateError($"there is no filter '{name}'");
        return filter.Invoke(budget, $"filter '{name}'", value, arguments);
    }

    private static Method Default => new(["default_value", "boolean"], (_, value, a) =>
        value is Undefined || (a.Flag(1) && !Python.IsTrue(value)) ? (a.Has(0) ? a[0] : "") : value);

    private static Method Escape => Text([], (s, _) => s.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;").Replace("'", "&#39;").Replace("\"", "&#34;"));

    private static Method Text(string[] parameters, Func<string, Arguments, object?> compute) =>
        new(parameters, (budget, value, arguments) => compute(PythonText.Of(budget, value), arguments));

    private static object Absolute(object? value) => value switch
    {
        long.MinValue => throw new TemplateError("the absolute value doesn't fit 64 bits"),
        double d => (object)Math.Abs(d),
        Undefined undefined => throw undefined.Error,
        _ => Python.AsInteger(value) is { } i ? Math.Abs(i) : throw new TemplateError($"bad operand type for abs(): '{Python.TypeName(value)}'"),
    };

    private static object? ToFloat(object? value) => value switch
    {
        Undefined undefined => throw undefined.Error,
        string s => double.TryParse(s.Trim(PythonText.Whitespace), NumberStyles.Float, CultureInfo.InvariantCulture, out var parsed) ? parsed : null,
        _ => Python.AsFloat(value),
    };

    private static object? ToInteger(object? value, long radix)
    {
        switch (value)
        {
            case Undefined undefined: throw undefined.Error;
            case BigInteger: return value;
            case string s when radix != 10:
                var digits = s.Trim(PythonText.Whitespace);
                var literal = digits.StartsWith('0') && digits.Length > 1 && char.IsLetter(digits[1]) ? digits : radix switch { 16 => "0x", 8 => "0o", 2 => "0b", _ => "" } + digits;
                return literal.Length > 0 && NumberLiteral.Read(literal, 0, allowFraction: false) is { } number && number.End == literal.Length ? number.Value : null;
            case string s when long.TryParse(s.Trim(PythonText.Whitespace), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var parsed): return parsed;
        }

        if (Python.AsInteger(value) is { } integer) return integer;
        return ToFloat(value) is double d && Math.Abs(d) < long.MaxValue ? (long)d : null;
    }

    private static object Round(object? value, long precision, string method)
    {
        if (value is Undefined undefined) throw undefined.Error;
        var number = Python.AsFloat(value) ?? throw new TemplateError($"type {Python.TypeName(value)} can't be rounded");
        if (precision is < 0 or > 15) throw new TemplateError($"round to {precision} digits: expected 0 to 15");
        var scale = Math.Pow(10, precision);
        return method switch
        {
            "common" when Python.AsInteger(value) is { } integer => (object)integer,
            "common" => Math.Round(number, (int)precision, MidpointRounding.ToEven),
            "ceil" => Math.Ceiling(number * scale) / scale,
            "floor" => Math.Floor(number * scale) / scale,
            _ => throw new TemplateError("method must be common, ceil or floor"),
        };
    }

    /// <summary>Each word begins with a capital; a word begins after blanks, hyphens and opening brackets.</summary>
    private static string Title(string s)
    {
        var result = s.ToLowerInvariant().ToCharArray();
        for (var i = 0; i < result.Length; i++)
        {
            if (i == 0 || s[i - 1] is '-' or '(' or '{' or '[' or '<' || PythonText.IsWhitespace(s[i - 1])) result[i] = char.ToUpperInvariant(s[i]);
        }

        return new string(result);
    }

    private static string Indent(Budget budget, string text, Arguments arguments)
    {
        var indention = arguments[0] is string given ? given : new string(' ', (int)Math.Clamp(arguments.Integer(0, 4), 0, 1000));
        var lines = text.Split('\n');
        budget.SpendFor((long)lines.Length * indention.Length);
        var blank = arguments.Flag(2);
        for (var i = arguments.Flag(1) ? 0 : 1; i < lines.Length; i++)
        {
            if (blank || lines[i].Length > 0) lines[i] = indention + lines[i];
        }

        return string.Join('\n', lines);
    }

    private static string ToJson(Budget budget, object? value, Arguments arguments)
    {
        var indent = arguments[1] is null ? (int?)null : (int)Math.Clamp(arguments.Integer(1, 0), 0, 1000);
        var separators = arguments[2] is null ? null : Python.Iterate(arguments[2]);
        if (separators is not null && (separators.Count != 2 || separators.Any(s => s is not string))) throw new TemplateError("separators: expected two strings");
        return new JsonText(budget, arguments.Flag(0), indent, (string?)separators?[0], (string?)separators?[1], arguments.Flag(3)).Write(value);
    }
}
