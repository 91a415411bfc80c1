using System.Globalization;
using System.Text;

namespace QLora.Text.Jinja;

/// <summary>'…' % values: %s, %r, %d, %i, %f, %x and %%, with width, '0', '-' and precision.</summary>
internal static class PercentFormat
{
    public static string Apply(Budget budget, string format, object? values)
    {
        budget.SpendFor(format.Length);
        var arguments = values is Sequence { IsTuple: true } tuple ? tuple.Items : [values];
        var result = new StringBuilder();
        var used = 0;
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%') { result.Append(format[i]); continue; }
            var start = ++i;
            while (i < format.Length && format[i] is '-' or '0') i++;
            var flags = format[start..i];
            var width = ReadNumber(format, ref i) ?? 0;
            var precision = i < format.Length && format[i] == '.' ? ReadNumber(format, ref i, skip: 1) ?? 0 : (int?)null;
            if (i >= format.Length) throw new TemplateError("incomplete format");
            if (format[i] == '%') { result.Append('%'); continue; }
            if (used == arguments.Count) throw new TemplateError("not enough arguments for format string");
            budget.SpendFor(width);
            var text = Convert(budget, format[i], arguments[used++], precision);
            result.Append(flags.Contains('-') ? text.PadRight(width) : text.PadLeft(width, flags.Contains('0') && format[i] is not ('s' or 'r') ? '0' : ' '));
        }

        return used == arguments.Count ? result.ToString() : throw new TemplateError("not all arguments converted during string formatting");
    }

    private static string Convert(Budget budget, char kind, object? value, int? precision)
    {
        if (value is Undefined undefined && kind != 's') throw undefined.Error;
        switch (kind)
        {
            case 's' or 'r':
                var text = kind == 's' ? PythonText.Of(budget, value) : PythonText.Repr(budget, value);
                return precision is { } limit && limit < text.Length ? text[..limit] : text;
            case 'd' or 'i' when Python.AsFloat(value) is { } number:
                return (Python.AsInteger(value) ?? (long)number).ToString(CultureInfo.InvariantCulture);
            case 'x' when Python.AsInteger(value) is { } number:
                return number.ToString("x", CultureInfo.InvariantCulture);
            case 'f' when Python.AsFloat(value) is { } number:
                return number.ToString($"F{Math.Min(precision ?? 6, 99)}", CultureInfo.InvariantCulture);
            default:
                throw new TemplateError($"%{kind} can't format a {Python.TypeName(value)}; %s, %r, %d, %x and %f are known");
        }
    }

    private static int? ReadNumber(string format, ref int i, int skip = 0)
    {
        var start = i += skip;
        while (i < format.Length && char.IsAsciiDigit(format[i])) i++;
        if (i == start) return null;
        return int.TryParse(format.AsSpan(start, i - start), CultureInfo.InvariantCulture, out var number) ? number : throw new TemplateError("a width in a format is too large");
    }
}
