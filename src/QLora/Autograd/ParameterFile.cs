using System.Buffers;
using QLora.Backends;
using QLora.Checkpoints;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>Tensors of a device, Float32 or UInt8, to and from safetensors files, without a copy of them all in between.</summary>
internal static class ParameterFile
{
    /// <summary>Writes a file of some tensors, complete or not at all.</summary>
    /// <exception cref="QLoraException">It cannot be written; the place is as it was.</exception>
    public static void Write(string path, Backend backend, IEnumerable<(string Name, Tensor Tensor)> tensors)
    {
        backend.Synchronize(); // what lies in the host's memory may have been copied there
        SafetensorsWriter.Write(path, tensors.Select(entry => Entry(backend, entry.Name, entry.Tensor)));
    }

    private static SafetensorsEntry Entry(Backend backend, string name, Tensor tensor) => new(name, tensor.DType, tensor.Shape, stream =>
    {
        if (tensor.Buffer is HostBuffer)
        {
            stream.Write(tensor.HostBytes());
            return;
        }

        var content = ArrayPool<byte>.Shared.Rent(checked((int)tensor.Bytes));
        backend.CopyToHost(tensor, content.AsSpan(0, (int)tensor.Bytes));
        stream.Write(content.AsSpan(0, (int)tensor.Bytes));
        ArrayPool<byte>.Shared.Return(content);
    });

    /// <summary>Refuses a file that does not hold exactly these tensors.</summary>
    /// <exception cref="QLoraException">One is missing, extra, misshapen or of another type; the message names it.</exception>
    public static void Check(SafetensorsFile file, IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        foreach (var (name, tensor) in tensors)
        {
            if (!file.Tensors.TryGetValue(name, out var info)) throw new QLoraException($"{file.Path}: tensor {name} {tensor.Shape} is missing");
            var dtype = SafetensorsWriter.FormatName(tensor.DType);
            if (info.Shape == tensor.Shape && info.DType == dtype) continue;
            throw new QLoraException($"{file.Path}: tensor {name} is {info.DType} {info.Shape}, expected {dtype} {tensor.Shape}");
        }

        if (file.Tensors.Count == tensors.Count) return;
        var known = tensors.Select(entry => entry.Name).ToHashSet(StringComparer.Ordinal);
        throw new QLoraException($"{file.Path}: tensor {file.Tensors.Keys.Where(name => !known.Contains(name)).Min(StringComparer.Ordinal)} is not expected here");
    }

    /// <summary>Reads the tensors that <see cref="Check"/> found to be there.</summary>
    public static void Read(Backend backend, SafetensorsFile file, IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        backend.Synchronize();
        foreach (var (name, tensor) in tensors)
        {
            if (tensor.Buffer is HostBuffer) file.ReadRaw(name).CopyTo(tensor.HostBytes());
            else backend.CopyFromHost(file.ReadRaw(name), tensor);
        }
    }
}
