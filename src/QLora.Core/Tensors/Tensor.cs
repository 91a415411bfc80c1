using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace QLora.Tensors;

/// <summary>
/// A dense row-major array in a device buffer: where it lies, its shape, its element type. A view, not an owner: copying one copies no data, and
/// <see cref="Dispose"/> gives the whole buffer back.
/// </summary>
/// <param name="Buffer">The memory it lies in.</param>
/// <param name="Offset">Its first byte within the buffer.</param>
/// <param name="Shape">Its extents, outermost first.</param>
/// <param name="DType">The type of its elements.</param>
[SuppressMessage("Design", "CA1001", Justification = "A view; whoever allocated the buffer owns it.")]
public readonly record struct Tensor(DeviceBuffer Buffer, long Offset, Shape Shape, DType DType) : IDisposable
{
    private readonly int _loan = Buffer.Loan;

    /// <summary>The tensor that fills a buffer from its start.</summary>
    public Tensor(DeviceBuffer buffer, Shape shape, DType dtype) : this(buffer, 0, shape, dtype) { }

    /// <summary>The number of elements.</summary>
    public long Count => Shape.Count;

    /// <summary>The number of bytes.</summary>
    public long Bytes => DType.Bytes(Shape.Count);

    /// <summary>The outermost extent.</summary>
    public int Rows => Shape.Rows;

    /// <summary>The row length of the tensor seen as a matrix.</summary>
    public int Columns => Shape.Columns;

    /// <summary>The same elements under another shape.</summary>
    /// <exception cref="ArgumentException">The number of elements differs.</exception>
    public Tensor Reshape(params ReadOnlySpan<int> extents)
    {
        var shape = new Shape(extents);
        if (shape.Count != Count) throw new ArgumentException($"cannot see {Shape} as {shape}");
        return this with { Shape = shape };
    }

    /// <summary>Rows <paramref name="start"/> up to <paramref name="start"/> + <paramref name="count"/> of the outermost axis, in place.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the tensor.</exception>
    public Tensor Slice(int start, int count)
    {
        if (start < 0 || count < 0 || start > Rows - count) throw new ArgumentOutOfRangeException(nameof(start), $"rows {start}..{start + (long)count} of {Shape}");
        var shape = Shape.Rank switch
        {
            1 => new Shape(count),
            2 => new Shape(count, Shape[1]),
            3 => new Shape(count, Shape[1], Shape[2]),
            _ => new Shape(count, Shape[1], Shape[2], Shape[3]),
        };
        return this with { Offset = Offset + DType.Bytes((long)start * Columns), Shape = shape };
    }

    /// <summary>One row of a matrix, as a vector.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public Tensor Row(int index) => Slice(index, 1).Reshape(Columns);

    /// <summary>The address of the first element of a tensor in host memory.</summary>
    /// <exception cref="InvalidOperationException">It lies on another device, or <typeparamref name="T"/> has another size than its elements.</exception>
    public unsafe T* Pointer<T>() where T : unmanaged
    {
        if (Buffer is not HostBuffer host) throw new InvalidOperationException("the tensor does not lie in host memory");
        ObjectDisposedException.ThrowIf(Buffer.Loan != _loan, Buffer);
        if (Unsafe.SizeOf<T>() != DType.Size()) throw new InvalidOperationException($"elements are {DType}, not {typeof(T).Name}");
        if (Offset < 0 || Offset + Bytes > host.Bytes) throw new InvalidOperationException($"tensor {Shape} of {DType} at {Offset} leaves its buffer of {host.Bytes} bytes");
        return (T*)(host.Pointer + Offset);
    }

    /// <summary>The elements of a tensor in host memory.</summary>
    /// <exception cref="InvalidOperationException">It lies on another device, or <typeparamref name="T"/> has another size than its elements.</exception>
    public unsafe Span<T> Span<T>() where T : unmanaged => new(Pointer<T>(), checked((int)(Count / DType.BlockSize())));

    /// <summary>The bytes of a tensor in host memory, whatever its elements are.</summary>
    /// <exception cref="InvalidOperationException">It lies on another device.</exception>
    public Span<byte> HostBytes() => (this with { Shape = new Shape(checked((int)Bytes)), DType = DType.UInt8 }).Span<byte>();

    /// <summary>Gives the whole buffer back. A second call does nothing.</summary>
    public void Dispose()
    {
        if (Buffer.Loan == _loan) Buffer.Dispose();
    }

    /// <summary>Shape and element type as messages show them.</summary>
    public override string ToString() => $"{DType} {Shape}";
}
