using QLora.Backends;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>
/// The tensors of one run of an op. Each lies a little off its alignment between two guards, which must be unharmed in the end; but where rows are multiples of 32 bytes, so is
/// its beginning, as that of a slice of rows is. Fresh ones hold NaN, so that an op which reads what it should overwrite is found out.
/// </summary>
/// <param name="backend">The backend under test.</param>
/// <param name="activations">What activations are uploaded as.</param>
public sealed class Workspace(Backend backend, DType activations = DType.Float32) : IDisposable
{
    private const int GuardBytes = 68, GuardBytesOfWholeRows = 96;
    private const byte GuardByte = 0xAB;
    private readonly List<Tensor> _tensors = [];
    private readonly List<IDisposable> _others = [];

    /// <summary>The backend under test.</summary>
    public Backend Backend => backend;

    /// <summary>Bytes of all tensors so far.</summary>
    public long Bytes => _tensors.Sum(tensor => tensor.Bytes);

    /// <summary>A tensor of NaNs.</summary>
    public Tensor Fresh(params ReadOnlySpan<int> extents) => Upload(Fresh(new Shape(extents)));

    /// <summary>A Float32 tensor.</summary>
    public Tensor Upload(Values values) => Upload<float>(values.Shape, DType.Float32, values.Data);

    /// <summary>A BFloat16 tensor of the nearest numbers.</summary>
    public Tensor UploadBFloat16(Values values) => Upload<ushort>(values.Shape, DType.BFloat16, Array.ConvertAll(values.Data, BFloat16.Round));

    /// <summary>A BFloat16 tensor of NaNs.</summary>
    public Tensor FreshBFloat16(params ReadOnlySpan<int> extents) => UploadBFloat16(Fresh(new Shape(extents)));

    /// <summary>Activations of the type that the op is run with, of the nearest numbers.</summary>
    public Tensor UploadActivations(Values values) => activations == DType.BFloat16 ? UploadBFloat16(values) : Upload(values);

    /// <summary>Activations of NaNs, of the type that the op is run with.</summary>
    public Tensor FreshActivations(params ReadOnlySpan<int> extents) => UploadActivations(Fresh(new Shape(extents)));

    /// <summary>A vector of Int32.</summary>
    public Tensor Upload(params int[] values) => Upload<int>(new Shape(values.Length), DType.Int32, values);

    /// <summary>A tensor of Int32 that no op takes for indices.</summary>
    public Tensor FreshIndices(params ReadOnlySpan<int> extents)
    {
        var shape = new Shape(extents);
        var values = new int[shape.Count];
        Array.Fill(values, int.MinValue);
        return Upload<int>(shape, DType.Int32, values);
    }

    /// <summary>A tensor of any type.</summary>
    public Tensor Upload<T>(Shape shape, DType dtype, ReadOnlySpan<T> values) where T : unmanaged
    {
        var bytes = checked((int)dtype.Bytes(shape.Count));
        var guard = shape.Rank > 0 && dtype.Bytes(shape[shape.Rank - 1]) % 32 == 0 ? GuardBytesOfWholeRows : GuardBytes;
        var content = new byte[bytes + 2 * guard];
        Array.Fill(content, GuardByte);
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(values).CopyTo(content.AsSpan(guard, bytes));
        var whole = backend.Upload<byte>(new Shape(content.Length), DType.UInt8, content);
        _tensors.Add(whole);
        return new Tensor(whole.Buffer, guard, shape, dtype);
    }

    /// <summary>A weight in four bits, quantised by the backend itself.</summary>
    public QuantizedTensor Quantize(Values weight, QuantizationType type, int blockSize, bool doubleQuantization)
    {
        var quantized = backend.Quantize(Upload(weight), type, blockSize, doubleQuantization);
        _others.Add(quantized);
        return quantized;
    }

    /// <summary>The content of a floating-point tensor, or the integers of another one, as Float32.</summary>
    public Values Read(Tensor tensor)
    {
        if (tensor.DType == DType.UInt8)
        {
            var bytes = new byte[tensor.Count];
            backend.CopyToHost<byte>(tensor, bytes);
            return new Values(tensor.Shape, Array.ConvertAll(bytes, value => (float)value));
        }

        if (tensor.DType == DType.Int32)
        {
            var integers = new int[tensor.Count];
            backend.CopyToHost<int>(tensor, integers);
            return new Values(tensor.Shape, Array.ConvertAll(integers, value => (float)value));
        }

        if (tensor.DType == DType.BFloat16)
        {
            var bits = new ushort[tensor.Count];
            backend.CopyToHost<ushort>(tensor, bits);
            return new Values(tensor.Shape, Array.ConvertAll(bits, BFloat16.Widen)) { DType = DType.BFloat16 };
        }

        var data = new float[tensor.Count];
        backend.CopyToHost<float>(tensor, data);
        return new Values(tensor.Shape, data);
    }

    /// <summary>Fails when an op has written beside a tensor.</summary>
    public void CheckGuards()
    {
        foreach (var tensor in _tensors)
        {
            var content = new byte[tensor.Bytes];
            backend.CopyToHost<byte>(tensor, content);
            Assert.True(!content.AsSpan(0, GuardBytes).ContainsAnyExcept(GuardByte) && !content.AsSpan(content.Length - GuardBytes).ContainsAnyExcept(GuardByte),
                "the op wrote outside of a tensor");
        }
    }

    /// <summary>Gives all tensors back.</summary>
    public void Dispose()
    {
        foreach (var tensor in _tensors) tensor.Dispose();
        foreach (var other in _others) other.Dispose();
    }

    private static Values Fresh(Shape shape)
    {
        var nans = new float[shape.Count];
        Array.Fill(nans, float.NaN);
        return new Values(shape, nans);
    }
}
