using System.Runtime.CompilerServices;
using QLora.Cpu.Gemm;
using QLora.Cpu.Vectors;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void DequantizeCore(QuantizedTensor w, Tensor y) =>
        Run(y.Rows, y.Columns, new DequantizeKernel(new QuantizedRows(w), y.Pointer<float>(), y.Columns));

    private readonly struct DequantizeKernel(QuantizedRows rows, float* y, int columns) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            for (var row = start; row < end; row++) rows.Read<V>(row, 0, columns, y + (nint)row * columns);
        }
    }
}
