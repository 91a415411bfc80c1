using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Limits;

/// <summary>Each part reads a stretch of its own from one end to the other.</summary>
/// <param name="width">Of the vectors.</param>
/// <param name="buffer">Single-precision numbers.</param>
/// <param name="count">How many.</param>
internal readonly unsafe struct Reads(VectorWidth width, float* buffer, int count) : IWork
{
    public void Run(int part, int parts)
    {
        var result = stackalloc float[16];
        var (start, end) = ((int)((long)count * part / parts / 64 * 64), (int)((long)count * (part + 1) / parts / 64 * 64));
        switch (width)
        {
            case VectorWidth.Vector512: Loop<Float16>(buffer + start, buffer + end, result); break;
            case VectorWidth.Vector256: Loop<Float8>(buffer + start, buffer + end, result); break;
            default: Loop<Float4>(buffer + start, buffer + end, result); break;
        }
    }

    [MethodImpl(Hot.Loop)]
    private static void Loop<V>(float* source, float* end, float* result) where V : unmanaged, IVector<V>
    {
        V s0, s1, s2, s3;
        s0 = s1 = s2 = s3 = V.Create(0f);
        for (; source < end; source += 4 * V.Count)
        {
            (s0, s1) = (s0 + V.Load(source), s1 + V.Load(source + V.Count));
            (s2, s3) = (s2 + V.Load(source + 2 * V.Count), s3 + V.Load(source + 3 * V.Count));
        }

        (s0 + s1 + s2 + s3).Store(result);
    }
}
