using QLora.Backends;
using QLora.Quantization;

namespace QLora.Checkpoints.Gguf;

/// <summary>The weights of a GGUF file. The file is owned: disposing one disposes the other.</summary>
/// <param name="file">The file.</param>
public sealed class GgufCheckpoint(GgufFile file) : WeightSource
{
    /// <inheritdoc/>
    public override string Path => file.Path;

    /// <inheritdoc/>
    public override WeightNaming Naming => WeightNaming.Gguf;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, WeightInfo> Weights { get; } = file.Tensors.Values.ToDictionary(
        tensor => tensor.Name,
        tensor => new WeightInfo(tensor.Name, tensor.Shape, tensor.Type.Name, tensor.Type.StoredType, tensor.Bytes),
        StringComparer.Ordinal);

    /// <inheritdoc/>
    public override void Read(string name, long firstElement, Span<float> destination) => file.ReadFloats(name, firstElement, destination);

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> ReadRaw(string name) => file.ReadRaw(name);

    /// <inheritdoc/>
    public override QuantizedTensor ReadQuantized(string name, Backend backend)
        => throw new QLoraException($"{Path}: {name} is stored as {file.Tensors[name].Type.Name}; GGUF files hold no bitsandbytes weights");

    /// <inheritdoc/>
    public override void ReleasePages() => file.ReleasePages();

    /// <inheritdoc/>
    public override void Dispose() => file.Dispose();
}
