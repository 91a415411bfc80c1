using System.Globalization;

namespace QLora.Tests.Backends.Gpu.Ptx;

/// <summary>What the instructions of one lane compute, of up to three operands.</summary>
internal static class PtxArithmetic
{
    public delegate ulong Function(ulong a, ulong b, ulong c);

    /// <summary>The function of an instruction.</summary>
    /// <exception cref="FormatException">It is not known.</exception>
    public static Function Of(string[] parts, string opcode)
    {
        var type = parts[^1];
        return parts switch
        {
            ["mov" or "cvta", ..] => (a, _, _) => Cut(a, type),
            ["selp", _] => (a, b, c) => c != 0 ? a : b,
            ["setp", var comparison, _] => Comparison(comparison, type),
            ["testp", "notanumber", "f32"] => (a, _, _) => float.IsNaN(Single(a)) ? 1UL : 0,
            ["cvt", "rn", "bf16x2", "f32"] => (a, b, _) => (ulong)Round(a) << 16 | Round(b),
            ["cvt", "rn", "f32", "f64"] => (a, _, _) => Bits((float)BitConverter.UInt64BitsToDouble(a)),
            ["cvt", "rn", "f64", var from] => (a, _, _) => BitConverter.DoubleToUInt64Bits(Extended(a, from)),
            ["cvt", "rn", "f32", var from] => (a, _, _) => Bits(Extended(a, from)),
            ["cvt", var to, var from] => (a, _, _) => Cut((ulong)Extended(a, from), to),
            ["mul", "wide", "u32"] => (a, b, _) => (ulong)(uint)a * (uint)b,
            ["mul", "wide", "s32"] => (a, b, _) => (ulong)((long)(int)a * (int)b),
            [var op, .., "f32"] => SingleFunction(op, opcode),
            [var op, ..] => IntegerFunction(op, type, opcode),
            _ => throw Unknown(opcode),
        };
    }

    /// <summary>Bits of a type.</summary>
    public static int Bits(string type) => type == "pred" ? 1 : int.Parse(type.AsSpan(1), CultureInfo.InvariantCulture);

    private static Function IntegerFunction(string op, string type, string opcode) => op switch
    {
        "add" => (a, b, _) => Cut(a + b, type),
        "sub" => (a, b, _) => Cut(a - b, type),
        "mul" => (a, b, _) => Cut(a * b, type),
        "and" => (a, b, _) => Cut(a & b, type),
        "or" => (a, b, _) => Cut(a | b, type),
        "xor" => (a, b, _) => Cut(a ^ b, type),
        "not" => (a, _, _) => Cut(~a, type),
        "shl" => (a, b, _) => b >= (ulong)Bits(type) ? 0 : Cut(a << (int)b, type),
        "shr" => (a, b, _) => b < (ulong)Bits(type) ? Cut((ulong)(Extended(a, type) >> (int)b), type) : throw new InvalidOperationException("a shift of all bits"),
        "div" => (a, b, _) => Cut((ulong)(Extended(a, type) / Extended(b, type)), type),
        "rem" => (a, b, _) => Cut((ulong)(Extended(a, type) % Extended(b, type)), type),
        _ => throw Unknown(opcode),
    };

    private static Function SingleFunction(string op, string opcode) => op switch
    {
        "add" => (a, b, _) => Bits(Single(a) + Single(b)),
        "sub" => (a, b, _) => Bits(Single(a) - Single(b)),
        "mul" => (a, b, _) => Bits(Single(a) * Single(b)),
        "neg" => (a, _, _) => Bits(-Single(a)),
        _ => throw Unknown(opcode),
    };

    private static Function Comparison(string comparison, string type)
    {
        Func<int, bool> holds = comparison.TrimEnd('u') switch
        {
            "eq" => order => order == 0,
            "ne" => order => order != 0,
            "lt" or "lo" => order => order < 0,
            "le" or "ls" => order => order <= 0,
            "gt" or "hi" => order => order > 0,
            "ge" or "hs" => order => order >= 0,
            _ => throw Unknown($"setp.{comparison}"),
        };
        if (type != "f32") return (a, b, _) => holds(type[0] == 's' ? Extended(a, type).CompareTo(Extended(b, type)) : Cut(a, type).CompareTo(Cut(b, type))) ? 1UL : 0;
        var withNaN = comparison.EndsWith('u'); // such comparisons hold for numbers that cannot be compared
        return (a, b, _) => (float.IsNaN(Single(a)) || float.IsNaN(Single(b)) ? withNaN : holds(Single(a).CompareTo(Single(b)))) ? 1UL : 0;
    }

    private static ulong Cut(ulong value, string type) => Bits(type) == 64 ? value : value & ((1UL << Bits(type)) - 1);

    private static long Extended(ulong value, string type)
    {
        var free = 64 - Bits(type);
        return type[0] == 's' ? (long)(value << free) >> free : (long)Cut(value, type);
    }

    private static float Single(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    private static ulong Bits(float value) => BitConverter.SingleToUInt32Bits(value);

    /// <summary>To the nearest bfloat16, of two that are as near the even one.</summary>
    private static uint Round(ulong single)
    {
        var bits = (uint)single;
        return float.IsNaN(Single(single)) ? 0x7FFF : (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    }

    private static FormatException Unknown(string opcode) => new($"the instruction {opcode} is not known here");
}
