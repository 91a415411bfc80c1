using System.Numerics;

namespace QLora.Text.Jinja;

/// <summary>What Python says of values: their type, their truth, their number, their elements.</summary>
internal static class Python
{
    public static string TypeName(object? value) => value switch
    {
        null => "NoneType",
        bool => "bool",
        long or BigInteger => "int",
        double => "float",
        string => "str",
        Sequence sequence => sequence.IsTuple ? "tuple" : "list",
        Mapping => "dict",
        Undefined => "Undefined",
        Namespace => "Namespace",
        Callable => "function",
        _ => "LoopContext",
    };

    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool b => b,
        long i => i != 0,
        double d => d != 0,
        string s => s.Length > 0,
        Sequence sequence => sequence.Items.Count > 0,
        Mapping mapping => mapping.Count > 0,
        _ => true,
    };

    /// <summary>The value as an int, which a bool is too; null when it is none.</summary>
    public static long? AsInteger(object? value) => value switch { long i => i, bool b => b ? 1 : 0, _ => null };

    /// <summary>The value as a float, when it is any number.</summary>
    public static double? AsFloat(object? value) => value switch { double d => d, BigInteger big => (double)big, _ => AsInteger(value) };

    /// <summary>The value where only an int will do.</summary>
    public static long Index(object? value) => value is Undefined undefined
        ? throw undefined.Error
        : AsInteger(value) ?? throw new TemplateError($"'{TypeName(value)}' object cannot be interpreted as an integer");

    /// <summary>The elements that a loop over the value sees.</summary>
    public static IReadOnlyList<object?> Iterate(object? value) => value switch
    {
        Sequence sequence => sequence.Items,
        Mapping mapping => [.. mapping.Keys],
        string text => CodePoints.Split(text),
        Undefined => [],
        _ => throw new TemplateError($"'{TypeName(value)}' object is not iterable"),
    };

    public static bool IsIterable(object? value) => value is Sequence or Mapping or string or Undefined;

    public static long Length(object? value) => value switch
    {
        string text => CodePoints.Count(text),
        Sequence sequence => sequence.Items.Count,
        Mapping mapping => mapping.Count,
        Undefined => 0,
        _ => throw new TemplateError($"object of type '{TypeName(value)}' has no len()"),
    };
}
