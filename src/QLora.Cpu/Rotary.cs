using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void RotaryCore(Tensor x, Tensor positions, Tensor cos, Tensor sin, bool inverse)
    {
        CheckIndices(nameof(Rotary), nameof(positions), positions, cos.Rows);
        Run(x.Rows, x.Columns, new RotaryKernel(
            x.Pointer<float>(), positions.Pointer<int>(), cos.Pointer<float>(), sin.Pointer<float>(), x.Shape[1], x.Shape[2], cos.Columns, inverse ? -1 : 1));
    }

    private readonly struct RotaryKernel(float* x, int* positions, float* cos, float* sin, int heads, int headSize, int half, float direction) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            for (var t = start; t < end; t++)
            {
                var angles = (nint)positions[t] * half;
                for (var h = 0; h < heads; h++)
                {
                    var head = x + ((nint)t * heads + h) * headSize;
                    var i = 0;
                    for (; i <= half - V.Count; i += V.Count) Rotate<V>(head + i, angles + i);
                    for (; i < half; i++) Rotate<Float1>(head + i, angles + i);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Rotate<V>(float* pair, nint angle) where V : unmanaged, IVector<V>
        {
            var (c, s) = (V.Load(cos + angle), V.Load(sin + angle) * V.Create(direction));
            var (first, second) = (V.Load(pair), V.Load(pair + half));
            (first * c - second * s).Store(pair);
            (second * c + first * s).Store(pair + half);
        }
    }
}
