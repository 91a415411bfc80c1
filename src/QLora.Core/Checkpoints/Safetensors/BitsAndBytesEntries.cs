using System.Globalization;
using System.Text;
using QLora.Backends;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Checkpoints;

/// <summary>Writes weights in bitsandbytes' 4-bit format: codes and scales as they are, and the JSON description beside them, as the library itself serialises them.</summary>
public static class BitsAndBytesEntries
{
    /// <summary>The tensors of one weight.</summary>
    /// <param name="name">Its name, which the codes get; the others begin with it.</param>
    /// <param name="weight">Codes and scales.</param>
    /// <param name="backend">Where they lie.</param>
    /// <param name="dtype">The precision that the description says the weight had.</param>
    public static IEnumerable<SafetensorsEntry> Of(string name, QuantizedTensor weight, Backend backend, DType dtype)
    {
        var codebook = Codebook.Of(weight.Type).Values.ToArray();
        yield return new SafetensorsEntry(name, DType.UInt8, new Shape(checked((int)weight.Codes.Count), 1), stream => Copy(stream, weight.Codes, backend));
        yield return Part(name + ".absmax", weight.AbsMax, backend);
        yield return SafetensorsWriter.Entry(name + ".quant_map", new Shape(codebook.Length), codebook);
        if (weight.Nested is { } nested)
        {
            yield return Part(name + ".nested_absmax", nested.AbsMax, backend);
            yield return Part(name + ".nested_quant_map", nested.Code, backend);
        }

        var state = Encoding.UTF8.GetBytes(Describe(weight, dtype));
        yield return new SafetensorsEntry($"{name}.quant_state.bitsandbytes__{TypeName(weight.Type)}", DType.UInt8, new Shape(state.Length), stream => stream.Write(state));
    }

    /// <summary>What the format calls a type.</summary>
    public static string TypeName(QuantizationType type) => type == QuantizationType.Nf4 ? "nf4" : "fp4";

    // Byte for byte what Python's json.dumps makes of it.
    private static string Describe(QuantizedTensor weight, DType dtype) => string.Create(CultureInfo.InvariantCulture,
        $$"""{"quant_type": "{{TypeName(weight.Type)}}", "blocksize": {{weight.BlockSize}}, "dtype": "{{dtype.ToString().ToLowerInvariant()}}", "shape": [{{weight.Shape[0]}}, {{weight.Shape[1]}}]{{Describe(weight.Nested)}}}""");

    private static string Describe(DoubleQuantizedScales? nested) => nested is null ? "" : string.Create(CultureInfo.InvariantCulture,
        $""", "nested_blocksize": {nested.BlockSize}, "nested_dtype": "float32", "nested_offset": {(double)nested.Offset:R}""");

    private static SafetensorsEntry Part(string name, Tensor tensor, Backend backend) => new(name, tensor.DType, tensor.Shape, stream => Copy(stream, tensor, backend));

    private static void Copy(Stream stream, Tensor tensor, Backend backend)
    {
        var bytes = new byte[tensor.Bytes];
        backend.CopyToHost(tensor, bytes.AsSpan());
        stream.Write(bytes);
    }
}
