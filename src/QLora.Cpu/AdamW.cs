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
            parameter.Pointer<float>(), gradient.Pointer<float>(), firstMoment.Pointer<float>(), secondMoment.Pointer<float>(), step));

    private readonly struct AdamWKernel(float* parameter, float* gradient, float* firstMoment, float* secondMoment, AdamWStep step) : IElementKernel
    {
        // The factors that do not depend on the element, from the double-precision powers that PyTorch takes.
        private readonly float _stepSize = (float)(step.LearningRate / (1 - Math.Pow(step.Beta1, step.Step)));
        private readonly float _rootCorrection = (float)Math.Sqrt(1 - Math.Pow(step.Beta2, step.Step));
        private readonly float _decay = (float)(1 - (double)step.LearningRate * step.WeightDecay);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVector<V>
        {
            var g = V.Load(gradient + i) * V.Create(step.GradientScale);
            var m = V.FusedMultiplyAdd(V.Create(1 - step.Beta1), g, V.Load(firstMoment + i) * V.Create(step.Beta1));
            var v = V.FusedMultiplyAdd(V.Create(1 - step.Beta2) * g, g, V.Load(secondMoment + i) * V.Create(step.Beta2));
            var denominator = V.Sqrt(v) / V.Create(_rootCorrection) + V.Create(step.Epsilon);
            (V.Load(parameter + i) * V.Create(_decay) - V.Create(_stepSize) * m / denominator).Store(parameter + i);
            m.Store(firstMoment + i);
            v.Store(secondMoment + i);
        }
    }
}
