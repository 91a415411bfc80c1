using ILGPU;
using ILGPU.Runtime;

namespace QLora.Gpu;

/// <summary>Launches of kernels with two to nine parameters, which are checked against the kernel's when compiled. An empty grid launches nothing.</summary>
public sealed partial class GpuBackend
{
    private void Launch<T1, T2>(Action<T1, T2> kernel, LaunchShape shape, T1 p1, T2 p2)
    {
        if (shape.IsEmpty) return;
        try
        {
            _device.Launcher<Action<AcceleratorStream, KernelConfig, T1, T2>>(kernel)(_stream, shape.Config, p1, p2);
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    private void Launch<T1, T2, T3>(Action<T1, T2, T3> kernel, LaunchShape shape, T1 p1, T2 p2, T3 p3)
    {
        if (shape.IsEmpty) return;
        try
        {
            _device.Launcher<Action<AcceleratorStream, KernelConfig, T1, T2, T3>>(kernel)(_stream, shape.Config, p1, p2, p3);
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    private void Launch<T1, T2, T3, T4>(Action<T1, T2, T3, T4> kernel, LaunchShape shape, T1 p1, T2 p2, T3 p3, T4 p4)
    {
        if (shape.IsEmpty) return;
        try
        {
            _device.Launcher<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4>>(kernel)(_stream, shape.Config, p1, p2, p3, p4);
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    private void Launch<T1, T2, T3, T4, T5>(Action<T1, T2, T3, T4, T5> kernel, LaunchShape shape, T1 p1, T2 p2, T3 p3, T4 p4, T5 p5)
    {
        if (shape.IsEmpty) return;
        try
        {
            _device.Launcher<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5>>(kernel)(_stream, shape.Config, p1, p2, p3, p4, p5);
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    private void Launch<T1, T2, T3, T4, T5, T6>(Action<T1, T2, T3, T4, T5, T6> kernel, LaunchShape shape, T1 p1, T2 p2, T3 p3, T4 p4, T5 p5, T6 p6)
    {
        if (shape.IsEmpty) return;
        try
        {
            _device.Launcher<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6>>(kernel)(_stream, shape.Config, p1, p2, p3, p4, p5, p6);
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    private void Launch<T1, T2, T3, T4, T5, T6, T7>(Action<T1, T2, T3, T4, T5, T6, T7> kernel, LaunchShape shape, T1 p1, T2 p2, T3 p3, T4 p4, T5 p5, T6 p6, T7 p7)
    {
        if (shape.IsEmpty) return;
        try
        {
            _device.Launcher<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7>>(kernel)(_stream, shape.Config, p1, p2, p3, p4, p5, p6, p7);
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    private void Launch<T1, T2, T3, T4, T5, T6, T7, T8>(Action<T1, T2, T3, T4, T5, T6, T7, T8> kernel, LaunchShape shape, T1 p1, T2 p2, T3 p3, T4 p4, T5 p5, T6 p6, T7 p7, T8 p8)
    {
        if (shape.IsEmpty) return;
        try
        {
            _device.Launcher<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8>>(kernel)(_stream, shape.Config, p1, p2, p3, p4, p5, p6, p7, p8);
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    private void Launch<T1, T2, T3, T4, T5, T6, T7, T8, T9>(Action<T1, T2, T3, T4, T5, T6, T7, T8, T9> kernel, LaunchShape shape, T1 p1, T2 p2, T3 p3, T4 p4, T5 p5, T6 p6, T7 p7, T8 p8, T9 p9)
    {
        if (shape.IsEmpty) return;
        try
        {
            _device.Launcher<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9>>(kernel)(_stream, shape.Config, p1, p2, p3, p4, p5, p6, p7, p8, p9);
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }
}
