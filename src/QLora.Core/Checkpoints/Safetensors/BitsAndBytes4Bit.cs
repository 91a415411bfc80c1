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
    private const int MaxStateBytes = 1 << 16;
    private static readonly string[] Types = ["nf4", "fp4"];
    private static readonly string[] Suffixes = [".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", .. Types.Select(type => StatePrefix + type)];

    /// <summary>Whether a tensor is a part of a 4-bit weight.</summary>
    public static bool IsPart(string name, Func<string, bool> exists)
        => Suffixes.FirstOrDefault(suffix => name.EndsWith(suffix, StringComparison.Ordinal)) is { } found && exists(name[..^found.Length]);

    /// <summary>What a weight is, when it is in 4 bits; null when it is not.</summary>
    /// <exception cref="QLoraException">It is, but a part of it is missing, misshapen, or not of a 4-bit weight like this.</exception>
    public static WeightInfo? Describe(SafetensorsCheckpoint checkpoint, string name)
    {
        if (ReadState(checkpoint, name) is not { } state) return null;
        var parts = PartsOf(state).ToDictionary(part => part.Suffix);
        foreach (var part in parts.Values) Check(checkpoint, name + part.Suffix, part);
        foreach (var suffix in Suffixes)
        {
            if (checkpoint.FindTensor(name + suffix) is { } found && !parts.ContainsKey(suffix) && suffix != StatePrefix + state.TypeName)
            {
                throw new QLoraException($"{found.File.Path}: {name}{suffix} has no place in a weight that {state.TypeName} describes as {(state.Nested is null ? "not " : "")}double-quantised");
            }
        }

        var bytes = Suffixes.Prepend("").Sum(suffix => checkpoint.FindTensor(name + suffix)?.Info.Bytes ?? 0);
        return new WeightInfo(name, state.Shape, state.TypeName, null, bytes) { IsQuantized = true };
    }

    /// <summary>The weight as it is stored.</summary>
    /// <exception cref="QLoraException">Its code book is not bitsandbytes' own.</exception>
    public static QuantizedTensor Read(SafetensorsCheckpoint checkpoint, string name, Backend backend)
    {
        var state = ReadState(checkpoint, name)!;
        CheckCodebook(checkpoint, name, state.Type);
        var parts = PartsOf(state).Where(part => part.Suffix != ".quant_map").ToDictionary(part => part.Suffix, part => Upload(checkpoint, name, part, backend));
        var nested = state.Nested is not { } level ? null : new DoubleQuantizedScales(parts[".nested_quant_map"], parts[".nested_absmax"], level.Offset, level.BlockSize);
        return new QuantizedTensor(state.Type, state.Shape, state.BlockSize, parts[""], parts[".absmax"], nested);
    }

    /// <summary>What a weight consists of beside its description.</summary>
    private static IEnumerable<Part> PartsOf(State state)
    {
        var blocks = (state.Shape.Count + state.BlockSize - 1) / state.BlockSize;
        yield return new Part("", null, BlockQuantizer.CodeBytes(state.Shape.Count));
        yield return new Part(".absmax", state.Nested is null ? "F32" : "U8", blocks);
        yield return new Part(".quant_map", "F32", 16);
        if (state.Nested is not { } nested) yield break;
        yield return new Part(".nested_absmax", "F32", (blocks + nested.BlockSize - 1) / nested.BlockSize);
        yield return new Part(".nested_quant_map", "F32", 256);
    }

    private static void Check(SafetensorsCheckpoint checkpoint, string name, Part part)
    {
        if (checkpoint.FindTensor(name) is not var (file, info)) throw new QLoraException($"{checkpoint.Path}: {name} is missing; the 4-bit weight is incomplete");
        if (part.Format is not null && info.DType != part.Format) throw new QLoraException($"{file.Path}: {name} is {info.DType}, expected {part.Format}");
        // Codes may be stored as wider elements (bnb_4bit_quant_storage), which may add a few bytes at the end.
        var most = part.Format is null ? part.Bytes + sizeof(float) - 1 : part.Bytes;
        if (info.Bytes < part.Bytes || info.Bytes > most) throw new QLoraException($"{file.Path}: {name} has {info.Bytes} bytes, expected {part.Bytes}");
    }

    private static Tensor Upload(SafetensorsCheckpoint checkpoint, string name, Part part, Backend backend)
    {
        var bytes = Raw(checkpoint, name + part.Suffix)[..(int)part.Bytes];
        return part.Format == "F32" ? backend.Upload(new Shape(bytes.Length / sizeof(float)), DType.Float32, bytes) : backend.Upload(new Shape(bytes.Length), DType.UInt8, bytes);
    }

    private static ReadOnlySpan<byte> Raw(SafetensorsCheckpoint checkpoint, string name) => checkpoint.FindTensor(name)!.Value.File.ReadRaw(name);

    private static State? ReadState(SafetensorsCheckpoint checkpoint, string name)
    {
        foreach (var type in Types)
        {
            if (checkpoint.FindTensor(name + StatePrefix + type) is not var (file, info)) continue;
            var what = $"{file.Path}: {info.Name}";
            if (info.Bytes > MaxStateBytes) throw new QLoraException($"{what} has {info.Bytes} bytes, expected a short JSON text");
            using var document = StrictJson.Parse(file.ReadRaw(info.Name).ToArray(), what);
            return ParseState(document.RootElement, type, message => new QLoraException($"{what}: {message}"));
        }

        return null;
    }

    private static State ParseState(JsonElement json, string type, Func<string, QLoraException> bad)
    {
        if (json.ValueKind != JsonValueKind.Object) throw bad("expected a JSON object");
        if (!json.TryGetProperty("quant_type", out var kind) || kind.ValueKind != JsonValueKind.String || kind.GetString() != type) throw bad($"quant_type is not {type}");
        var blockSize = Integer(json, "blocksize", bad);
        if (blockSize < 2 || !int.IsPow2(blockSize)) throw bad($"blocksize is {blockSize}, expected a power of two from 2 up");
        if (!json.TryGetProperty("shape", out var shape) || shape.ValueKind != JsonValueKind.Array || shape.GetArrayLength() != 2) throw bad("shape is missing, expected [out, in]");
        if (!IsInteger(shape[0], out var rows) || !IsInteger(shape[1], out var columns) || rows < 1 || columns < 1) throw bad($"shape is {shape.GetRawText()}, expected [out, in]");
        return new State(type == "nf4" ? QuantizationType.Nf4 : QuantizationType.Fp4, type, blockSize, new Shape(rows, columns), ParseNested(json, bad));
    }

    private static NestedState? ParseNested(JsonElement json, Func<string, QLoraException> bad)
    {
        if (!json.TryGetProperty("nested_blocksize", out _)) return null;
        var blockSize = Integer(json, "nested_blocksize", bad);
        if (blockSize < 1) throw bad($"nested_blocksize is {blockSize}, expected 1 or more");
        if (!json.TryGetProperty("nested_offset", out var offset) || offset.ValueKind != JsonValueKind.Number || !float.IsFinite(offset.GetSingle()))
        {
            throw bad("nested_offset is missing, expected a number");
        }

        return new NestedState(blockSize, offset.GetSingle());
    }

    private static int Integer(JsonElement json, string field, Func<string, QLoraException> bad)
        => json.TryGetProperty(field, out var value) && IsInteger(value, out var number) ? number : throw bad($"{field} is missing, expected an integer");

    private static bool IsInteger(JsonElement value, out int integer)
    {
        integer = 0;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out integer);
    }

    /// <summary>A code book of its own would need kernels of its own; published ones are always the known two.</summary>
    private static void CheckCodebook(SafetensorsCheckpoint checkpoint, string name, QuantizationType type)
    {
        var stored = MemoryMarshal.Cast<byte, float>(Raw(checkpoint, name + ".quant_map").ToArray());
        var known = Codebook.Of(type).Values;
        for (var i = 0; i < known.Length; i++)
        {
            if (!(MathF.Abs(stored[i] - known[i]) <= 1e-6f)) throw new QLoraException($"{checkpoint.Path}: {name}.quant_map[{i}] is {stored[i]}, expected {known[i]} of {type}");
        }
    }

    /// <summary>One tensor of a weight: its suffix, its format (null for codes, which may be stored as anything), and how many elements it has.</summary>
    private sealed record Part(string Suffix, string? Format, long Count)
    {
        public long Bytes => Format == "F32" ? Count * sizeof(float) : Count;
    }

    private sealed record State(QuantizationType Type, string TypeName, int BlockSize, Shape Shape, NestedState? Nested);

    private sealed record NestedState(int BlockSize, float Offset);
}
