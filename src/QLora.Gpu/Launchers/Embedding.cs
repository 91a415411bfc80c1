using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void EmbeddingCore(Tensor ids, Tensor weight, Tensor y)
    {
        if (y.DType == DType.Float32) Into<F32>();
        else Into<BF16>();

        void Into<T>() where T : unmanaged, IElement<T>
        {
            switch (weight.DType)
            {
                case DType.Float32: From<DenseReader<F32>, T>(new(View<F32>(weight))); break;
                case DType.BFloat16: From<DenseReader<BF16>, T>(new(View<BF16>(weight))); break;
                case DType.Float16: From<DenseReader<F16>, T>(new(View<F16>(weight))); break;
                default: From<Q8Reader, T>(new(Bytes(weight))); break;
            }
        }

        void From<TWeight, T>(TWeight reader) where TWeight : struct, IWeightReader where T : unmanaged, IElement<T> =>
            Launch(EmbeddingKernels.Embedding<TWeight, T>, Elements(y.Count), View<int>(ids), reader, View<T>(y), weight.Columns);
    }

    /// <inheritdoc/>
    protected override void EmbeddingBackwardCore(Tensor ids, Tensor dy, Tensor dWeight)
    {
        if (dWeight.DType == DType.Float32) Into<F32>();
        else Into<BF16>();

        void Into<T>() where T : unmanaged, IElement<T>
        {
            if (dy.DType == DType.Float32) From<F32, T>();
            else From<BF16, T>();
        }

        void From<TGradient, T>() where TGradient : unmanaged, IElement<TGradient> where T : unmanaged, IElement<T> =>
            Launch(EmbeddingKernels.EmbeddingBackward<TGradient, T>, Rows((int)ids.Count), View<int>(ids), View<TGradient>(dy), View<T>(dWeight), dWeight.Columns);
    }
}
