using ILGPU;
using ILGPU.Runtime;

namespace QLora.Gpu;

/// <summary>Launches of kernels with two to nine parameters, which are checked against the kernel's when compiled. An empty grid launches nothing.</summary>
public sealed partial class GpuBackend
{
    private void Launch<T1, T2>(Action<T1, T2> kernel, LaunchShape shape, T1 p1, T2 p2) =>
        Launch<Action<AcceleratorStream, KernelConfig, T1, T2>, (T1 p1, T2 p2)>(kernel, shape, (p1, p2), static (launch, stream, config, p) => launch(stream, config, p.p1, p.p2));

    private void Launch<T1, T2, T3>(Action<T1, T2, T3> kernel, LaunchShape shape, T1 p1, T2 p2, T3 p3) =>
        Launch<Action<AcceleratorStream, KernelConfig, T1, T2, T3>, (T1 p1, T2 p2, T3 p3)>(kernel, shape, (p1, p2, p3), static (launch, stream, config, p) => launch(stream, config, p.p1, p.p2, p.p3));

    private void Launch<T1, T2, T3, T4>(Action<T1, T2, T3, T4> kernel, LaunchShape shape, T1 p1, T2 p2, T3 p3, T4 p4) =>
        Launch<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4>, (T1 p1, T2 p2, T3 p3, T4 p4)>(kernel, shape, (p1, p2, p3, p4), static (launch, stream, config, p) => launch(stream, config, p.p1, p.p2, p.p3, p.p4));

    private void Launch<T1, T2, T3, T4, T5>(Action<T1, T2, T3, T4, T5> kernel, LaunchShape shape, T1 p1, T2 p2, T3 p3, T4 p4, T5 p5) =>
        Launch<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5>, (T1 p1, T2 p2, T3 p3, T4 p4, T5 p5)>(kernel, shape, (p1, p2, p3, p4, p5), static (launch, stream, config, p) => launch(stream, config, p.p1, p.p2, p.p3, p.p4, p.p5));

    private void Launch<T1, T2, T3, T4, T5, T6>(Action<T1, T2, T3, T4, T5, T6> kernel, LaunchShape shape, T1 p1, T2 p2, T3 p3, T4 p4, T5 p5, T6 p6) =>
        Launch<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6>, (T1 p1, T2 p2, T3 p3, T4 p4, T5 p5, T6 p6)>(kernel, shape, (p1, p2, p3, p4, p5, p6), static (launch, stream, config, p) => launch(stream, config, p.p1, p.p2, p.p3, p.p4, p.p5, p.p6));

    private void Launch<T1, T2, T3, T4, T5, T6, T7>(Action<T1, T2, T3, T4, T5, T6, T7> kernel, LaunchShape shape, T1 p1, T2 p2, T3 p3, T4 p4, T5 p5, T6 p6, T7 p7) =>
        Launch<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7>, (T1 p1, T2 p2, T3 p3, T4 p4, T5 p5, T6 p6, T7 p7)>(kernel, shape, (p1, p2, p3, p4, p5, p6, p7), static (launch, stream, config, p) => launch(stream, config, p.p1, p.p2, p.p3, p.p4, p.p5, p.p6, p.p7));

    private void Launch<T1, T2, T3, T4, T5, T6, T7, T8>(Action<T1, T2, T3, T4, T5, T6, T7, T8> kernel, LaunchShape shape, T1 p1, T2 p2, T3 p3, T4 p4, T5 p5, T6 p6, T7 p7, T8 p8) =>
        Launch<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8>, (T1 p1, T2 p2, T3 p3, T4 p4, T5 p5, T6 p6, T7 p7, T8 p8)>(kernel, shape, (p1, p2, p3, p4, p5, p6, p7, p8), static (launch, stream, config, p) => launch(stream, config, p.p1, p.p2, p.p3, p.p4, p.p5, p.p6, p.p7, p.p8));

    private void Launch<T1, T2, T3, T4, T5, T6, T7, T8, T9>(Action<T1, T2, T3, T4, T5, T6, T7, T8, T9> kernel, LaunchShape shape, T1 p1, T2 p2, T3 p3, T4 p4, T5 p5, T6 p6, T7 p7, T8 p8, T9 p9) =>
        Launch<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9>, (T1 p1, T2 p2, T3 p3, T4 p4, T5 p5, T6 p6, T7 p7, T8 p8, T9 p9)>(kernel, shape, (p1, p2, p3, p4, p5, p6, p7, p8, p9), static (launch, stream, config, p) => launch(stream, config, p.p1, p.p2, p.p3, p.p4, p.p5, p.p6, p.p7, p.p8, p.p9));

    private void Launch<TLauncher, TParameters>(Delegate kernel, LaunchShape shape, TParameters parameters, Action<TLauncher, AcceleratorStream, KernelConfig, TParameters> launch)
        where TLauncher : Delegate
    {
        if (shape.IsEmpty) return;
        try
        {
            launch(_device.Launcher<TLauncher>(kernel), _stream, shape.Config, parameters);
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }
}
