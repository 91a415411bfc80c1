using QLora.Tensors;

namespace QLora.Quantization;

/// <summary>
/// A frozen weight in 4 bits, laid out as bitsandbytes lays it out. The flattened row-major (out, in) matrix is cut into blocks of
/// <see cref="BlockSize"/> elements, which may cross rows; the last may be short. Element i is
/// <c>codebook[code i] · absmax[i / BlockSize]</c>, where with double quantisation
/// <c>absmax[b] = NestedCode[AbsMax[b]] · NestedAbsMax[b / NestedBlockSize] + NestedOffset</c>.
/// </summary>
/// <param name="Type">Which sixteen values the codes stand for.</param>
/// <param name="Shape">The shape of the weight, (out, in).</param>
/// <param name="BlockSize">Elements that share one scale; a power of two, at least 2.</param>
/// <param name="Codes">(ceil(out·in / 2)) UInt8: two codes a byte, the element with the even index in the high nibble.</param>
/// <param name="AbsMax">(ceil(out·in / BlockSize)) scales: Float32, or UInt8 indices into <see cref="DoubleQuantizedScales.Code"/>.</param>
/// <param name="Nested">What the scales were themselves quantised with; null when they are Float32.</param>
public sealed record QuantizedTensor(
    QuantizationType Type, Shape Shape, int BlockSize, Tensor Codes, Tensor AbsMax, DoubleQuantizedScales? Nested) : IDisposable
{
    /// <summary>Bytes of codes and scales together.</summary>
    public long Bytes => Codes.Bytes + AbsMax.Bytes + (Nested is null ? 0 : Nested.Code.Bytes + Nested.AbsMax.Bytes + sizeof(float));

    /// <summary>Gives the buffers back.</summary>
    public void Dispose()
    {
        Codes.Dispose();
        AbsMax.Dispose();
        Nested?.Code.Dispose();
        Nested?.AbsMax.Dispose();
    }
}

/// <summary>The second level of double quantisation: how 8-bit scales become numbers again.</summary>
/// <param name="Code">(256) Float32: the 8-bit dynamic map.</param>
/// <param name="AbsMax">(ceil(scales / BlockSize)) Float32.</param>
/// <param name="Offset">The mean that was subtracted from the scales before they were quantised.</param>
/// <param name="BlockSize">Scales that share one <see cref="AbsMax"/>; 256 in bitsandbytes.</param>
public sealed record DoubleQuantizedScales(Tensor Code, Tensor AbsMax, float Offset, int BlockSize);
