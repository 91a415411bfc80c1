using System.Numerics;
using System.Text;

namespace QLora.Text.Jinja;

/// <summary>+ - * / // % ** ~ and the signs, as Python has them for numbers, strings and lists.</summary>
internal static class Arithmetic
{
    public static object? Evaluate(Budget budget, string op, object? left, object? right)
    {
        if (op == "~") return Concatenate(budget, left, right);
        if ((left as Undefined ?? right as Undefined) is { } undefined) throw undefined.Error;
        if (op == "*" && Repeat(budget, left, right) is { } repeated) return repeated;
        if (op == "%" && left is string format) return PercentFormat.Apply(budget, format, right);
        if (Python.AsInteger(left) is { } i && Python.AsInteger(right) is { } j) return OfIntegers(op, i, j);
        if (Python.AsFloat(left) is { } x && Python.AsFloat(right) is { } y) return OfFloats(op, x, y);
        return op == "+" ? Add(budget, left, right) : throw Unsupported(op, left, right);
    }

    public static object? Sign(string op, object? value)
    {
        if (value is Undefined undefined) throw undefined.Error;
        if (Python.AsInteger(value) is { } i) return op == "-" ? Checked(op, () => checked(-i)) : i;
        if (Python.AsFloat(value) is { } x) return op == "-" ? -x : x;
        throw new TemplateError($"bad operand type for unary {op}: '{Python.TypeName(value)}'");
    }

    private static string Concatenate(Budget budget, object? left, object? right)
    {
        var text = new StringBuilder();
        PythonText.Append(budget, text, left);
        PythonText.Append(budget, text, right);
        return text.ToString();
    }

    private static object Add(Budget budget, object? left, object? right)
    {
        budget.SpendOn(left);
        budget.SpendOn(right);
        return (left, right) switch
        {
            (string a, string b) => a + b,
            (Sequence a, Sequence b) when a.IsTuple == b.IsTuple => new Sequence([.. a.Items, .. b.Items], a.IsTuple),
            (string, _) => throw new TemplateError($"can only concatenate str (not \"{Python.TypeName(right)}\") to str"),
            (Sequence a, _) => throw new TemplateError($"can only concatenate {Python.TypeName(a)} (not \"{Python.TypeName(right)}\") to {Python.TypeName(a)}"),
            _ => throw Unsupported("+", left, right),
        };
    }

    private static object? Repeat(Budget budget, object? left, object? right)
    {
        if (left is not (string or Sequence)) (left, right) = (right, left);
        if (left is not (string or Sequence) || Python.AsInteger(right) is not { } count) return null;
        count = Math.Max(count, 0);
        var length = left is string s ? s.Length : ((Sequence)left).Items.Count;
        if (length == 0) return left;
        budget.SpendFor(count > Budget.Limit * 4 / length ? long.MaxValue : count * length);
        return left is string text
            ? new StringBuilder(length * (int)count).Insert(0, text, (int)count).ToString()
            : new Sequence([.. Enumerable.Repeat(((Sequence)left).Items, (int)count).SelectMany(items => items)], ((Sequence)left).IsTuple);
    }

    private static object OfIntegers(string op, long a, long b)
    {
        if (op is "/" or "//" or "%" && b == 0) throw new TemplateError(op == "/" ? "division by zero" : "integer division or modulo by zero");
        return op switch
        {
            "+" => Checked(op, () => checked(a + b)),
            "-" => Checked(op, () => checked(a - b)),
            "*" => Checked(op, () => checked(a * b)),
            "/" => (double)a / b,
            "//" => Checked(op, () => FloorDivide(a, b)),
            "%" => b == -1 ? 0L : a % b is var rest && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest,
            _ when b < 0 => Math.Pow(a, b),
            _ => Power(a, b),
        };
    }

    private static long FloorDivide(long a, long b)
    {
        var quotient = checked(a / b);
        return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
    }

    private static object Power(long a, long exponent)
    {
        if (a is 0 or 1 or -1) return exponent == 0 ? 1L : a == -1 && exponent % 2 == 0 ? 1L : a;
        var power = exponent < 64 ? BigInteger.Pow(a, (int)exponent) : long.MaxValue + BigInteger.One;
        return power >= long.MinValue && power <= long.MaxValue ? (long)power : throw TooLarge("**");
    }

    private static object OfFloats(string op, double a, double b)
    {
        if (op is "/" or "//" or "%" && b == 0) throw new TemplateError("float division by zero");
        return op switch
        {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            "/" => a / b,
            "//" => Math.Floor(a / b),
            "%" => a - b * Math.Floor(a / b),
            _ => Math.Pow(a, b),
        };
    }

    private static object Checked(string op, Func<long> compute)
    {
        try
        {
            return compute();
        }
        catch (OverflowException)
        {
            throw TooLarge(op);
        }
    }

    private static TemplateError TooLarge(string op) => new($"the result of {op} doesn't fit 64 bits");

    private static TemplateError Unsupported(string op, object? left, object? right) =>
        new($"unsupported operand type(s) for {op}: '{Python.TypeName(left)}' and '{Python.TypeName(right)}'");
}
