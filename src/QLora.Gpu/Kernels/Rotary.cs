using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class RotaryKernels
{
    /// <summary>A lane rotates one pair.</summary>
    public static void Rotary<T>(ArrayView<T> x, ArrayView<int> positions, ArrayView<F32> cos, ArrayView<F32> sin, int heads, int headSize, int half, float direction)
        where T : unmanaged, IElement<T>
    {
        var pair = Grid.GlobalIndex.X;
        var head = pair / half;
        var token = head / heads;
        if (token >= positions.IntLength) return;
        var angle = positions[token] * half + pair % half;
        var c = cos[angle].Widen();
        var s = direction * sin[angle].Widen();
        var i = head * headSize + pair % half;
        var first = x[i].Widen();
        var second = x[i + half].Widen();
        x[i] = T.Round(first * c - second * s);
        x[i + half] = T.Round(second * c + first * s);
    }
}
