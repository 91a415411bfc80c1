using QLora.Backends;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Checkpoints;

/// <summary>Whose names a checkpoint's tensors bear.</summary>
public enum WeightNaming
{
    /// <summary><c>model.layers.0.self_attn.q_proj.weight</c>.</summary>
    HuggingFace,
    /// <summary><c>blk.0.attn_q.weight</c>, with llama.cpp's transformations of the values.</summary>
    Gguf,
}

/// <summary>What a checkpoint says of one weight, before its values are read.</summary>
/// <param name="Name">Its name in the checkpoint's own naming.</param>
/// <param name="Shape">Its logical shape, outermost first as in PyTorch, (out, in) for a linear layer, however it is stored.</param>
/// <param name="Format">How it is stored, as the format calls it: F32, BF16, F16, Q4_K, nf4 …</param>
/// <param name="StoredType">The type of a tensor that is laid out as it is stored; null for other block formats and 4-bit weights.</param>
/// <param name="Bytes">Bytes in the file, scales included.</param>
public sealed record WeightInfo(string Name, Shape Shape, string Format, DType? StoredType, long Bytes)
{
    /// <summary>Whether it is stored in bitsandbytes' 4-bit format, to be used as it is.</summary>
    public bool IsQuantized { get; init; }
}

/// <summary>Weights by name, mapped from files and decoded one at a time; nothing is read before it is asked for. Safe to read from several threads at once.</summary>
public abstract class WeightSource : IDisposable
{
    /// <summary>The file or folder, for messages.</summary>
    public abstract string Path { get; }

    /// <summary>Whose names the weights bear.</summary>
    public abstract WeightNaming Naming { get; }

    /// <summary>Every weight, by name. The parts of a 4-bit weight are one entry here, under the weight's name.</summary>
    public abstract IReadOnlyDictionary<string, WeightInfo> Weights { get; }

    /// <summary>Decodes part of a weight, of whatever format but 4-bit, to Float32.</summary>
    /// <param name="name">A key of <see cref="Weights"/>.</param>
    /// <param name="firstElement">Where to start in the flattened weight; a multiple of the row length.</param>
    /// <param name="destination">Takes the elements from there on, at most to the end of the weight; whole rows.</param>
    /// <exception cref="QLoraException">There is no such weight.</exception>
    public abstract void Read(string name, long firstElement, Span<float> destination);

    /// <summary>The bytes of a weight as they lie in the file, valid until the source is disposed; only where <see cref="WeightInfo.StoredType"/> is not null.</summary>
    /// <exception cref="QLoraException">There is no such weight, or it is stored in blocks.</exception>
    public abstract ReadOnlySpan<byte> ReadRaw(string name);

    /// <summary>A 4-bit weight as it is stored, uploaded to the backend; only where <see cref="WeightInfo.IsQuantized"/>.</summary>
    /// <exception cref="QLoraException">There is no such weight, it is not in 4 bits, or a part of it is missing or misshapen.</exception>
    public abstract QuantizedTensor ReadQuantized(string name, Backend backend);

    /// <summary>
    /// Gives the system back the pages of the files that were read so far, which would count as this process's memory; they come again when they are read. Not while another
    /// thread reads: it would wait for them.
    /// </summary>
    public virtual void ReleasePages() { }

    /// <summary>Unmaps the files.</summary>
    public abstract void Dispose();
}
