using System.Runtime.CompilerServices;
using QLora.Cpu.Gemm;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void EmbeddingCore(Tensor ids, Tensor weight, Tensor y)
    {
        CheckIndices(nameof(Embedding), nameof(ids), ids, weight.Rows);
        switch (weight.DType)
        {
            case DType.BFloat16: Embed<BFloat16Format>(ids, (byte*)weight.Pointer<ushort>(), y); break;
            case DType.Float16: Embed<HalfFormat>(ids, (byte*)weight.Pointer<ushort>(), y); break;
            case DType.Q8: Run(y.DType, y.Rows, y.Columns, new Q8EmbeddingKernel(ids.Pointer<int>(), weight.Pointer<Q8Block>(), Address(y), y.Columns)); break;
            default: Embed<SingleFormat>(ids, (byte*)weight.Pointer<float>(), y); break;
        }
    }

    /// <inheritdoc/>
    protected override void EmbeddingBackwardCore(Tensor ids, Tensor dy, Tensor dWeight)
    {
        CheckIndices(nameof(EmbeddingBackward), nameof(ids), ids, dWeight.Rows);
        if (dWeight.DType == DType.BFloat16) AddRows<BFloat16Format>(ids, dy, dWeight);
        else AddRows<SingleFormat>(ids, dy, dWeight);
    }

    private void Embed<TWeight>(Tensor ids, byte* weight, Tensor y) where TWeight : struct, INumberFormat =>
        Run(y.DType, y.Rows, y.Columns, new EmbeddingKernel<TWeight>(ids.Pointer<int>(), weight, Address(y), y.Columns));

    private void AddRows<TWeight>(Tensor ids, Tensor dy, Tensor dWeight) where TWeight : struct, IActivationFormat =>
        Run(dy.DType, ColumnBlocks(dy.Columns), (long)dy.Rows * ColumnBlock,
            new EmbeddingBackwardKernel<TWeight>(ids.Pointer<int>(), Address(dy), Address(dWeight), dy.Rows, dy.Columns));

    private readonly struct EmbeddingKernel<TWeight>(int* ids, byte* weight, byte* y, int size) : IActivationKernel where TWeight : struct, INumberFormat
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var t = start; t < end; t++)
            {
                var row = weight + (nint)ids[t] * size * TWeight.Size;
                var result = (nint)t * size;
                var i = 0;
                for (; i <= size - V.Count; i += V.Count) TFormat.Store(y, result + i, TWeight.Load<V>(row + i * TWeight.Size));
                for (; i < size; i++) TFormat.Store(y, result + i, TWeight.Load<Float1>(row + i * TWeight.Size));
            }
        }
    }

    private readonly struct Q8EmbeddingKernel(int* ids, Q8Block* weight, byte* y, int size) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var t = start; t < end; t++)
            {
                var block = weight + (nint)ids[t] * (size / Q8Block.Count);
                var result = (nint)t * size;
                for (var first = 0; first < size; first += Q8Block.Count, block++)
                {
                    var scale = V.Create(Q8Rows.Scale(block));
                    for (var i = 0; i < Q8Block.Count; i += V.Count) TFormat.Store(y, result + first + i, V.LoadSByte(block->Codes + i) * scale);
                }
            }
        }
    }

    /// <summary>Items are blocks of columns: each takes the tokens in their order, so that repeated ids add up the same way every time.</summary>
    private readonly struct EmbeddingBackwardKernel<TWeight>(int* ids, byte* dy, byte* dWeight, int tokens, int size) : IActivationKernel
        where TWeight : struct, IActivationFormat
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var (first, last) = (start * ColumnBlock, Math.Min(end * ColumnBlock, size));
            for (var t = 0; t < tokens; t++)
            {
                var gradient = (nint)t * size;
                var row = (nint)ids[t] * size;
                var i = first;
                for (; i <= last - V.Count; i += V.Count) Add<V, TFormat>(gradient + i, row + i);
                for (; i < last; i++) Add<Float1, TFormat>(gradient + i, row + i);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Add<V, TFormat>(nint gradient, nint row) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat =>
            TWeight.Store(dWeight, row, TWeight.Load<V>(dWeight, row) + TFormat.Load<V>(dy, gradient));
    }
}
