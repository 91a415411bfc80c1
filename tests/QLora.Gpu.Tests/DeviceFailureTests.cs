using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.OpenCL;
using QLora.Backends;
using QLora.Gpu;
using QLora.Tensors;

namespace QLora.Tests.Backends.Gpu;

/// <summary>What is told when a device fails: kernels that it cannot run, a driver that refuses to go on.</summary>
public class DeviceFailureTests
{
    private static readonly int[] Numbers = [1, 2, 3];

    /// <summary>A failed compilation leaves ILGPU unable to compile others, which must not be blamed; what was compiled before goes on.</summary>
    [Fact]
    public void A_kernel_that_ILGPU_cannot_compile_is_named_with_the_reason_then_and_later() => OnEachDevice(device =>
    {
        WorksOn(device);
        foreach (var kernel in new Action<ArrayView<float>>[] { ReadsAnArrayOfTheHost, Clear })
        {
            var message = Assert.Throws<QLoraException>(() => Load(device, kernel)).Message;
            Assert.Contains($"cannot run the kernel {nameof(DeviceFailureTests)}.{nameof(ReadsAnArrayOfTheHost)} (Cannot load from the static array", message, StringComparison.Ordinal);
            Assert.Contains("--device cpu", message, StringComparison.Ordinal);
        }

        WorksOn(device);
    });

    [Fact]
    public void A_kernel_for_which_the_device_has_no_instruction_is_named_too()
    {
        using var device = GpuDevice.Open(OpenCl());
        Assert.SkipUnless(device.Accelerator.Name.StartsWith("pthread", StringComparison.Ordinal), "only PoCL is known to lack shuffles");
        Assert.Contains($"cannot run the kernel {nameof(DeviceFailureTests)}.{nameof(Shuffles)} (", Assert.Throws<QLoraException>(() => Load(device, Shuffles)).Message, StringComparison.Ordinal);
    }

    /// <summary>The queue of launches and copies is taken away from the backend, as a driver does that has lost its device: every call is refused from then on.</summary>
    [Fact]
    public void A_device_that_is_lost_says_so_whatever_comes_first_and_is_given_back_in_silence()
    {
        var name = OpenCl();
        var calls = new Action<GpuBackend, Tensor>[]
        {
            (backend, x) => backend.Scale(x, 2), (backend, x) => backend.Clear(x), (backend, x) => backend.Copy(x, x),
            (backend, x) => backend.CopyToHost<float>(x, new float[5]), (backend, x) => backend.CopyFromHost<float>(new float[5], x),
        };
        foreach (var call in calls)
        {
            using var backend = GpuBackend.Open(name);
            using var x = backend.AllocateZeros(new Shape(5));
            StreamOf(backend).Dispose();
            var message = Assert.Throws<QLoraException>(() => call(backend, x)).Message;
            Assert.StartsWith($"device {name} (", message, StringComparison.Ordinal);
            Assert.Contains("stopped working: CL_INVALID_COMMAND_QUEUE;", message, StringComparison.Ordinal);
            Assert.Contains("--resume", message, StringComparison.Ordinal);
        }

        using var next = GpuDevice.Open(name);
        WorksOn(next);
    }

    /// <summary>Memory goes back at the end of a step, which the driver refuses.</summary>
    [Fact]
    public void A_device_that_is_lost_says_so_at_the_end_of_a_step_too()
    {
        const string name = GpuDevices.Emulation;
        using var backend = GpuBackend.Open(name);
        RegionsOf(PoolOf(backend)).Add(new RefusedRegion());
        var message = Assert.Throws<QLoraException>(() =>
        {
            for (var step = 0; step < 3; step++) backend.EndStep();
        }).Message;
        Assert.StartsWith($"device {name} (", message, StringComparison.Ordinal);
        Assert.Contains("stopped working: CL_INVALID_MEM_OBJECT;", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_is_found_lost_when_it_is_given_back_hides_nothing()
    {
        using var backend = GpuBackend.Open(OpenCl());
        StreamOf(backend).Dispose();
    }

    private static void OnEachDevice(Action<GpuDevice> test) => Assert.All(GpuDevices.List(), info =>
    {
        using var device = GpuDevice.Open(info.Name);
        test(device);
    });

    private static void WorksOn(GpuDevice device)
    {
        using var backend = new GpuBackend(device);
        using var x = backend.AllocateZeros(new Shape(5));
        backend.Scale(x, 2);
        var values = new float[5];
        backend.CopyToHost<float>(x, values);
        Assert.Equal(new float[5], values);
    }

    private static string OpenCl()
    {
        if (GpuDevices.List().FirstOrDefault(device => device.Kind is GpuDeviceKind.OpenClGpu or GpuDeviceKind.OpenClProcessor) is { } found) return found.Name;
        Assert.Skip("no OpenCL device was found");
        throw new InvalidOperationException("not reached");
    }

    private static void Load(GpuDevice device, Action<ArrayView<float>> kernel) => device.Launcher<Action<AcceleratorStream, KernelConfig, ArrayView<float>>>(kernel);

    private static void Clear(ArrayView<float> x) => x[Grid.GlobalIndex.X] = 0;

    private static void ReadsAnArrayOfTheHost(ArrayView<float> x) => x[Grid.GlobalIndex.X] = Numbers[1];

    private static void Shuffles(ArrayView<float> x) => x[Grid.GlobalIndex.X] = Warp.ShuffleXor(x[0], 1);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_stream")]
    private static extern ref AcceleratorStream StreamOf(GpuBackend backend);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_pool")]
    private static extern ref DeviceMemoryPool PoolOf(GpuBackend backend);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_regions")]
    private static extern ref List<MemoryRegion> RegionsOf(MemoryPool pool);

    /// <summary>Idle memory that its driver does not take back.</summary>
    private sealed class RefusedRegion : MemoryRegion
    {
        public RefusedRegion() : base(0, PageBytes)
        {
            TryTake(1, out var start);
            GiveBack(start, 1, step: 0);
        }

        protected override void Release(nint start, long length) => throw new CLException(CLError.CL_INVALID_MEM_OBJECT);
    }
}
