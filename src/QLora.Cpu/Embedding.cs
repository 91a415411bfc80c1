using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;
using Tensor = QLora.Tensors.Tensor;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void EmbeddingCore(Tensor ids, Tensor weight, Tensor y)
    {
        CheckIndices(nameof(Embedding), nameof(ids), ids, weight.Rows);
        Run(y.Rows, y.Columns, new EmbeddingKernel(ids.Pointer<int>(), weight, y));
    }

    /// <inheritdoc/>
    protected override void EmbeddingBackwardCore(Tensor ids, Tensor dy, Tensor dWeight)
    {
        CheckIndices(nameof(EmbeddingBackward), nameof(ids), ids, dWeight.Rows);
        Run(ColumnBlocks(dy.Columns), (long)dy.Rows * ColumnBlock,
            new EmbeddingBackwardKernel(ids.Pointer<int>(), dy.Pointer<float>(), dWeight.Pointer<float>(), dy.Rows, dy.Columns));
    }

    private readonly struct EmbeddingKernel(int* ids, Tensor weight, Tensor y) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            for (var t = start; t < end; t++)
            {
                var row = weight.Slice(ids[t], 1);
                var result = y.Slice(t, 1).Span<float>();
                switch (row.DType)
                {
                    case DType.Float32: row.Span<float>().CopyTo(result); break;
                    case DType.Float16: TensorPrimitives.ConvertToSingle(row.Span<Half>(), result); break;
                    default: WidenBFloat16(row.Span<ushort>(), result); break;
                }
            }
        }

        private static void WidenBFloat16(ReadOnlySpan<ushort> source, Span<float> destination)
        {
            for (var i = 0; i < destination.Length; i++) destination[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
        }
    }

    /// <summary>Items are blocks of columns: each takes the tokens in their order, so that repeated ids add up the same way every time.</summary>
    private readonly struct EmbeddingBackwardKernel(int* ids, float* dy, float* dWeight, int tokens, int size) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            var (first, last) = (start * ColumnBlock, Math.Min(end * ColumnBlock, size));
            for (var t = 0; t < tokens; t++)
            {
                var gradient = dy + (nint)t * size;
                var row = dWeight + (nint)ids[t] * size;
                var i = first;
                for (; i <= last - V.Count; i += V.Count) (V.Load(row + i) + V.Load(gradient + i)).Store(row + i);
                for (; i < last; i++) row[i] += gradient[i];
            }
        }
    }
}
