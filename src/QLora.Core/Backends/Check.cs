using System.Runtime.CompilerServices;
using QLora.Tensors;

namespace QLora.Backends;

/// <summary>Shape and type checks of the op contract: each names the op, the operand, what it is and what it should be.</summary>
internal static class Check
{
    public static void Is(string op, string name, Tensor tensor, DType dtype, params ReadOnlySpan<int> extents)
    {
        var shape = new Shape(extents);
        if (tensor.DType != dtype || tensor.Shape != shape) throw new ArgumentException($"{op}: {name} is {tensor}, expected {dtype} {shape}");
    }

    public static void Matrix(string op, string name, Tensor tensor)
    {
        if (tensor.DType != DType.Float32 || tensor.Shape.Rank != 2) throw new ArgumentException($"{op}: {name} is {tensor}, expected a Float32 matrix");
    }

    public static void Activations(string op, string name, Tensor tensor)
    {
        if (tensor.DType is not (DType.Float32 or DType.BFloat16)) throw new ArgumentException($"{op}: {name} is {tensor}, expected Float32 or BFloat16");
    }

    public static void ActivationMatrix(string op, string name, Tensor tensor)
    {
        Activations(op, name, tensor);
        if (tensor.Shape.Rank != 2) throw new ArgumentException($"{op}: {name} is {tensor}, expected a matrix");
    }

    public static void Weight(string op, string name, Tensor tensor)
    {
        var isWeight = tensor.Shape.Rank == 2 && tensor.DType is DType.Float32 or DType.BFloat16 or DType.Float16 or DType.Q8;
        if (!isWeight || tensor.Columns % tensor.DType.BlockSize() != 0) throw new ArgumentException($"{op}: {name} is {tensor}, expected a floating-point or 8-bit matrix");
    }

    public static void SameAs(string op, string name, Tensor tensor, Tensor other)
    {
        if (tensor.DType != other.DType || tensor.Shape != other.Shape) throw new ArgumentException($"{op}: {name} is {tensor}, expected {other}");
    }

    public static void That(bool condition, string op, [InterpolatedStringHandlerArgument(nameof(condition))] ref Message message)
    {
        if (!condition) throw new ArgumentException($"{op}: {message.ToStringAndClear()}");
    }

    /// <summary>A message that is only written when the condition does not hold: an op that is called rightly allocates nothing.</summary>
    [InterpolatedStringHandler]
    internal ref struct Message
    {
        private DefaultInterpolatedStringHandler _text;

        public Message(int literalLength, int formattedCount, bool condition, out bool wanted)
        {
            wanted = !condition;
            if (wanted) _text = new DefaultInterpolatedStringHandler(literalLength, formattedCount);
        }

        public void AppendLiteral(string value) => _text.AppendLiteral(value);

        public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

        public string ToStringAndClear() => _text.ToStringAndClear();
    }
}
