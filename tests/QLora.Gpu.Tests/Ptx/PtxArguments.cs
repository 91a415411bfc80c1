using System.Runtime.InteropServices;
using QLora.Tensors;

namespace QLora.Tests.Backends.Gpu.Ptx;

/// <summary>The parameters of a kernel as ILGPU lays them out: structs flattened, each number at a multiple of its size, a view as an address and a length.</summary>
internal sealed class PtxArguments(PtxMemory memory)
{
    private readonly List<byte> _bytes = [];

    public byte[] Bytes => [.. _bytes];

    /// <summary>A view of an array of so many elements.</summary>
    public PtxArguments View(byte[] array, int elementSize) => Add(memory.Add(array)).Add((long)array.Length / elementSize);

    /// <summary>A view of a tensor's elements, copied.</summary>
    public PtxArguments View(Tensor tensor, int elementSize) => View(BytesOf(tensor).ToArray(), elementSize);

    /// <summary>The bytes of a tensor in the host's memory.</summary>
    public static unsafe Span<byte> BytesOf(Tensor tensor) => new(((HostBuffer)tensor.Buffer).Pointer + tensor.Offset, checked((int)tensor.Bytes));

    public PtxArguments Add<T>(params ReadOnlySpan<T> numbers) where T : unmanaged
    {
        foreach (var number in numbers)
        {
            var value = number;
            var bytes = MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref value, 1));
            Align(bytes.Length);
            _bytes.AddRange(bytes);
        }

        return this;
    }

    /// <summary>The end of a struct that has numbers of so many bytes.</summary>
    public PtxArguments Align(int bytes)
    {
        while (_bytes.Count % bytes != 0) _bytes.Add(0);
        return this;
    }
}
