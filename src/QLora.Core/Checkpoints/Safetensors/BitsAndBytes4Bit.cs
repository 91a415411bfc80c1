using System.Runtime.InteropServices;
using System.Text.Json;
using QLora.Backends;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Checkpoints;

/// <summary>
/// Weights in bitsandbytes' 4-bit format: <c>P.weight</c> holds the codes, and beside it lie the scales and a JSON description, <c>P.weight.quant_state.bitsandbytes__nf4</c>.
/// Whether a weight is in 4 bits is decided by that description being there, not by the config's lists of exceptions.
/// </summary>
internal static class BitsAndBytes4Bit
{
    private const string StatePrefix = ".quant_state.bitsandbytes__";
    private static readonly string[] Types = ["nf4", "fp4"];
    private static readonly string[] Parts = [".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", .. Types.Select(type => StatePrefix + type)];

    /// <summary>Whether a tensor is a part of a 4-bit weight.</summary>
    public static bool IsPart(string name, Func<string, bool> exists)
        => Parts.FirstOrDefault(part => name.EndsWith(part, StringComparison.Ordinal)) is { } suffix && exists(name[..^suffix.Length]);

    /// <summary>What a weight is, when it is in 4 bits; null when it is not.</summary>
    public static WeightInfo? Describe(SafetensorsCheckpoint checkpoint, string name)
    {
        if (ReadState(checkpoint, name) is not { } state) return null;
        var bytes = Parts.Select(part => checkpoint.FindTensor(name + part)?.Info.Bytes ?? 0).Sum() + checkpoint.FindTensor(name)!.Value.Info.Bytes;
        return new WeightInfo(name, state.Shape, state.Type == QuantizationType.Nf4 ? "nf4" : "fp4", null, bytes) { IsQuantized = true };
    }

    /// <summary>The weight as it is stored.</summary>
    public static QuantizedTensor Read(SafetensorsCheckpoint checkpoint, string name, Backend backend)
    {
        var state = ReadState(checkpoint, name)!;
        var blocks = BlockQuantizer.BlockCount(state.Shape.Count, state.BlockSize);
        CheckCodebook(checkpoint, name, state.Type);
        var codes = Bytes(checkpoint, name, BlockQuantizer.CodeBytes(state.Shape.Count));
        if (state.Nested is not { } nested)
        {
            return new QuantizedTensor(state.Type, state.Shape, state.BlockSize, Upload(codes, DType.UInt8), Upload(Floats(checkpoint, name + ".absmax", blocks), DType.Float32), null);
        }

        var scales = new DoubleQuantizedScales(
            Upload(Floats(checkpoint, name + ".nested_quant_map", 256), DType.Float32),
            Upload(Floats(checkpoint, name + ".nested_absmax", BlockQuantizer.BlockCount(blocks, nested.BlockSize)), DType.Float32),
            nested.Offset, nested.BlockSize);
        return new QuantizedTensor(state.Type, state.Shape, state.BlockSize, Upload(codes, DType.UInt8), Upload(Bytes(checkpoint, name + ".absmax", blocks), DType.UInt8), scales);

        Tensor Upload(ReadOnlySpan<byte> bytes, DType dtype) => backend.Upload(new Shape(bytes.Length / dtype.Size()), dtype, bytes);
    }

    private static State? ReadState(SafetensorsCheckpoint checkpoint, string name)
    {
        foreach (var type in Types)
        {
            if (checkpoint.FindTensor(name + StatePrefix + type) is not { } found) continue;
            try
            {
                using var document = JsonDocument.Parse(found.File.ReadRaw(found.Info.Name).ToArray());
                return ParseState(document.RootElement, type, message => new QLoraException($"{found.File.Path}: {found.Info.Name}: {message}"));
            }
            catch (JsonException cause)
            {
                throw new QLoraException($"{found.File.Path}: {found.Info.Name} is not valid JSON: {cause.Message}", cause);
            }
        }

        return null;
    }

    private static State ParseState(JsonElement json, string type, Func<string, QLoraException> bad)
    {
        if (json.ValueKind != JsonValueKind.Object) throw bad("expected a JSON object");
        if (!json.TryGetProperty("quant_type", out var kind) || kind.ValueKind != JsonValueKind.String || kind.GetString() != type) throw bad($"quant_type is not {type}");
        var blockSize = Integer("blocksize");
        if (blockSize < 2 || !int.IsPow2(blockSize)) throw bad($"blocksize is {blockSize}, expected a power of two from 2 up");
        if (!json.TryGetProperty("shape", out var shape) || shape.ValueKind != JsonValueKind.Array || shape.GetArrayLength() != 2
            || !shape[0].TryGetInt32(out var rows) || !shape[1].TryGetInt32(out var columns) || rows < 1 || columns < 1)
        {
            throw bad("shape is missing, expected [out, in]");
        }

        NestedState? nested = null;
        if (json.TryGetProperty("nested_blocksize", out _))
        {
            if (!json.TryGetProperty("nested_offset", out var offset) || offset.ValueKind != JsonValueKind.Number) throw bad("nested_offset is missing, expected a number");
            nested = new NestedState(Integer("nested_blocksize"), offset.GetSingle());
            if (nested.BlockSize < 1) throw bad($"nested_blocksize is {nested.BlockSize}, expected 1 or more");
        }

        return new State(type == "nf4" ? QuantizationType.Nf4 : QuantizationType.Fp4, blockSize, new Shape(rows, columns), nested);

        int Integer(string field) => json.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number)
            ? number
            : throw bad($"{field} is missing, expected an integer");
    }

    /// <summary>A code book of its own would need kernels of its own; published ones are always the known two.</summary>
    private static void CheckCodebook(SafetensorsCheckpoint checkpoint, string name, QuantizationType type)
    {
        var stored = MemoryMarshal.Cast<byte, float>(Floats(checkpoint, name + ".quant_map", 16).ToArray());
        var known = Codebook.Of(type).Values;
        for (var i = 0; i < known.Length; i++)
        {
            if (MathF.Abs(stored[i] - known[i]) > 1e-6f) throw new QLoraException($"{checkpoint.Path}: {name}.quant_map[{i}] is {stored[i]}, expected {known[i]} of {type}");
        }
    }

    private static ReadOnlySpan<byte> Floats(SafetensorsCheckpoint checkpoint, string name, long count)
    {
        if (checkpoint.FindTensor(name) is { } found && found.Info.DType != "F32") throw new QLoraException($"{checkpoint.Path}: {name} is {found.Info.DType}, expected F32");
        return Bytes(checkpoint, name, count * sizeof(float));
    }

    private static ReadOnlySpan<byte> Bytes(SafetensorsCheckpoint checkpoint, string name, long bytes)
    {
        if (checkpoint.FindTensor(name) is not { } found) throw new QLoraException($"{checkpoint.Path}: {name} is missing; the 4-bit weight is incomplete");
        // Codes may be stored as wider elements (bnb_4bit_quant_storage), which may add a few bytes at the end.
        if (found.Info.Bytes < bytes || found.Info.Bytes >= bytes + sizeof(float)) throw new QLoraException($"{checkpoint.Path}: {name} has {found.Info.Bytes} bytes, expected {bytes}");
        return found.File.ReadRaw(name)[..(int)bytes];
    }

    private sealed record State(QuantizationType Type, int BlockSize, Shape Shape, NestedState? Nested);

    private sealed record NestedState(int BlockSize, float Offset);
}
