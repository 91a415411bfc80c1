using QLora.Backends;
using QLora.Tensors;

namespace QLora.Tests;

public static class HostCopies
{
    /// <summary>The elements of a Float32 tensor.</summary>
    public static float[] ToHost(this Backend backend, Tensor tensor)
    {
        var values = new float[tensor.Count];
        backend.CopyToHost(tensor, values.AsSpan());
        return values;
    }
}
