using System.Runtime.CompilerServices;
using QLora.Backends;
using QLora.Cpu.Vectors;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void AdamW8BitCore(Tensor parameter, Tensor gradient, QuantizedMoment firstMoment, QuantizedMoment secondMoment, AdamWStep step)
    {
        var (first, second) = (new MomentBlocks(firstMoment), new MomentBlocks(secondMoment));
        var kernel = new AdamW8BitKernel(parameter.Pointer<float>(), gradient.Pointer<float>(), first, second, parameter.Count, AdamWFactors.Of(step));
        Run(QuantizedMoment.BlockCount(parameter.Count), 24 * QuantizedMoment.BlockSize, kernel);
    }

    /// <summary>Items are blocks: decoded, stepped like moments in single precision, and encoded again.</summary>
    private readonly struct AdamW8BitKernel(float* parameter, float* gradient, MomentBlocks first, MomentBlocks second, long count, AdamWFactors factors) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            var m = stackalloc float[QuantizedMoment.BlockSize];
            var v = stackalloc float[QuantizedMoment.BlockSize];
            for (var block = start; block < end; block++)
            {
                var offset = (nint)block * QuantizedMoment.BlockSize;
                var length = (int)Math.Min(QuantizedMoment.BlockSize, count - offset);
                first.Decode(block, DynamicMap.Signed, new Span<float>(m, length));
                second.Decode(block, DynamicMap.Unsigned, new Span<float>(v, length));
                Elements<AdamWKernel>.Run<V>(new AdamWKernel(parameter + offset, gradient + offset, m, v, factors), 0, length);
                first.Encode(block, DynamicMap.Signed, new ReadOnlySpan<float>(m, length));
                second.Encode(block, DynamicMap.Unsigned, new ReadOnlySpan<float>(v, length));
            }
        }
    }

    /// <summary>A moment in memory, block by block.</summary>
    private readonly struct MomentBlocks(QuantizedMoment moment)
    {
        private readonly byte* _codes = moment.Codes.Pointer<byte>();
        private readonly float* _absMax = moment.AbsMax.Pointer<float>();

        public void Decode(int block, DynamicMap map, Span<float> values) =>
            BlockQuantizer8.Dequantize(Codes(block, values.Length), map.Values, Scale(block), QuantizedMoment.BlockSize, values);

        public void Encode(int block, DynamicMap map, ReadOnlySpan<float> values) =>
            BlockQuantizer8.Quantize(values, map, QuantizedMoment.BlockSize, Codes(block, values.Length), Scale(block));

        private Span<byte> Codes(int block, int length) => new(_codes + (nint)block * QuantizedMoment.BlockSize, length);

        private Span<float> Scale(int block) => new(_absMax + block, 1);
    }
}
