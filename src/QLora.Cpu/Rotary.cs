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
        Run(x.DType, x.Rows, x.Columns, new RotaryKernel(
            Address(x), positions.Pointer<int>(), cos.Pointer<float>(), sin.Pointer<float>(), x.Shape[1], x.Shape[2], cos.Columns, inverse ? -1 : 1));
    }

    private readonly struct RotaryKernel(byte* x, int* positions, float* cos, float* sin, int heads, int headSize, int half, float direction)
        : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var t = start; t < end; t++)
            {
                var angles = (nint)positions[t] * half;
                for (var h = 0; h < heads; h++)
                {
                    var head = ((nint)t * heads + h) * headSize;
                    var i = 0;
                    for (; i <= half - V.Count; i += V.Count) Rotate<V, TFormat>(head + i, angles + i);
                    for (; i < half; i++) Rotate<Float1, TFormat>(head + i, angles + i);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Rotate<V, TFormat>(nint pair, nint angle) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var (c, s) = (V.Load(cos + angle), V.Load(sin + angle) * V.Create(direction));
            var (first, second) = (TFormat.Load<V>(x, pair), TFormat.Load<V>(x, pair + half));
            TFormat.Store(x, pair, first * c - second * s);
            TFormat.Store(x, pair + half, second * c + first * s);
        }
    }
}
