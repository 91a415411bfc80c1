using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override QuantizedTensor QuantizeCore(Tensor weight, QuantizationType type, int blockSize, bool doubleQuantization)
    {
        var blocks = BlockQuantizer.BlockCount(weight.Count, blockSize);
        using var codes = AllocateBuffer(BlockQuantizer.CodeBytes(weight.Count));
        using var absMax = AllocateBuffer((long)blocks * sizeof(float));
        var kernel = new QuantizeKernel(weight.Pointer<float>(), weight.Count, type, blockSize, (byte*)Address(codes), Address(absMax));
        Run(blocks, 32L * blockSize, kernel);
        return BlockQuantizer.Upload(new ReadOnlySpan<byte>((byte*)Address(codes), checked((int)BlockQuantizer.CodeBytes(weight.Count))),
            new ReadOnlySpan<float>(Address(absMax), blocks), weight.Shape, type, blockSize, doubleQuantization, this);
    }

    /// <summary>Items are blocks; each begins with a byte of its own, because block sizes are even.</summary>
    private readonly struct QuantizeKernel(float* weight, long count, QuantizationType type, int blockSize, byte* codes, float* absMax) : IKernel
    {
        // Spans hold no more than 2³¹ elements: blocks are given to the quantiser in groups.
        private const int Group = 1 << 20;

        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            var step = Math.Max(1, Group / blockSize);
            for (var block = start; block < end; block += step)
            {
                var blocks = Math.Min(step, end - block);
                var first = (long)block * blockSize;
                var elements = (int)Math.Min((long)blocks * blockSize, count - first);
                BlockQuantizer.Quantize(new ReadOnlySpan<float>(weight + first, elements), type, blockSize,
                    new Span<byte>(codes + first / 2, (elements + 1) / 2), new Span<float>(absMax + block, blocks));
            }
        }
    }
}
