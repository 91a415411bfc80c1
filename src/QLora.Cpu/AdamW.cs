using System.Runtime.CompilerServices;
using QLora.Backends;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void AdamWCore(Tensor parameter, Tensor gradient, Tensor firstMoment, Tensor secondMoment, AdamWStep step) =>
        RunElements(parameter.Count, 8, new AdamWKernel(
            parameter.Pointer<float>(), gradient.Pointer<float>(), firstMoment.Pointer<float>(), secondMoment.Pointer<float>(), AdamWFactors.Of(step)));

    private readonly struct AdamWKernel(float* parameter, float* gradient, float* firstMoment, float* secondMoment, AdamWFactors factors) : IElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVector<V>
        {
            var g = V.Load(gradient + i) * V.Create(factors.GradientScale);
            var m = V.FusedMultiplyAdd(V.Create(factors.Gain1), g, V.Load(firstMoment + i) * V.Create(factors.Beta1));
            var v = V.FusedMultiplyAdd(V.Create(factors.Gain2) * g, g, V.Load(secondMoment + i) * V.Create(factors.Beta2));
            var denominator = V.Sqrt(v) / V.Create(factors.RootCorrection) + V.Create(factors.Epsilon);
            (V.Load(parameter + i) * V.Create(factors.Decay) - V.Create(factors.Rate) * m / denominator).Store(parameter + i);
            m.Store(firstMoment + i);
            v.Store(secondMoment + i);
        }
    }
}
