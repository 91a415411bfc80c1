using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ILGPU.Runtime;
using ILGPU.Runtime.OpenCL;
using QLora.Gpu;
using QLora.Tensors;

namespace QLora.Tests.Backends.Gpu;

/// <summary>Copies go on beside kernels: the queue of the kernels is closed by a gate, and copies that need nothing behind the gate are done before it opens.</summary>
public partial class CopyQueueTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void An_input_leaves_and_comes_back_while_kernels_are_busy() => OnOpenCl(backend =>
    {
        float[] values = [1, 2, 3, 4];
        using var x = backend.Upload<float>(new Shape(4), DType.Float32, values);
        using var y = backend.AllocateZeros(new Shape(4));
        using var pinned = backend.AllocatePinned(x.Shape);
        backend.Offload(x, pinned);
        backend.Fetch(pinned, y);
        using (var gate = new Gate(backend))
        {
            CopiesAreDone(backend);
            Assert.Equal(values, pinned.Span<float>().ToArray());
            gate.Open();
        }

        backend.AwaitCopies();
        Assert.Equal(values, Read(backend, y));
    });

    [Fact]
    public void An_upload_passes_the_kernels_before_it_and_what_reads_it_does_not() => OnOpenCl(backend =>
    {
        float[] values = [1, 2, 3, 4];
        using var x = backend.Upload<float>(new Shape(4), DType.Float32, new float[4]);
        using var seen = backend.AllocatePinned(x.Shape);
        Read(backend, x);
        using (var gate = new Gate(backend))
        {
            backend.CopyFromHost<float>(values, x);
            backend.Scale(x, 2);
            var landed = MirrorOf(StagingOf(backend))!.View.SubView(0, seen.Bytes);
            unsafe { HostCopy.Download(StreamOf(CopiesOf(backend)), landed, (nint)seen.Pointer<float>()); }
            CopiesAreDone(backend);
            Assert.Equal(values, seen.Span<float>().ToArray());
            gate.Open();
        }

        Assert.Equal([2, 4, 6, 8], Read(backend, x));
    });

    [Fact]
    public void What_is_queued_behind_a_copy_waits_for_it_and_the_other_way_round() => OnOpenCl(backend =>
    {
        using var x = backend.Upload<float>(new Shape(4), DType.Float32, [1, 2, 3, 4]);
        using var pinned = backend.AllocatePinned(x.Shape);
        using (var gate = new Gate(backend))
        {
            backend.Scale(x, 2);
            backend.Offload(x, pinned); // of what is behind the gate
            backend.AwaitCopies();
            backend.Clear(x);
            Assert.False(Task.Run(() => Synchronize(backend)).Wait(TimeSpan.FromMilliseconds(100)));
            gate.Open();
        }

        Assert.Equal(new float[4], Read(backend, x));
        Assert.Equal([2, 4, 6, 8], pinned.Span<float>().ToArray());
    });

    private static void OnOpenCl(Action<GpuBackend> test)
    {
        if (GpuDevices.List().FirstOrDefault(device => device.Kind is GpuDeviceKind.OpenClGpu or GpuDeviceKind.OpenClProcessor) is not { } found)
        {
            Assert.Skip("no OpenCL device was found");
            return;
        }

        using var backend = GpuBackend.Open(found.Name);
        test(backend);
    }

    private static void CopiesAreDone(GpuBackend backend) => Assert.True(Task.Run(() => Synchronize(backend)).Wait(Patience), "the copies wait for the kernels");

    private static void Synchronize(GpuBackend backend) => StreamOf(CopiesOf(backend)).Synchronize();

    private static float[] Read(GpuBackend backend, Tensor x)
    {
        var values = new float[x.Count];
        backend.CopyToHost<float>(x, values);
        return values;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_staging")]
    private static extern ref StagingBuffer StagingOf(GpuBackend backend);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_mirror")]
    private static extern ref DeviceMemory? MirrorOf(StagingBuffer staging);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_copies")]
    private static extern ref CopyQueue CopiesOf(GpuBackend backend);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_stream")]
    private static extern ref AcceleratorStream StreamOf(CopyQueue copies);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_stream")]
    private static extern ref AcceleratorStream StreamOf(GpuBackend backend);

    /// <summary>Nothing that is queued behind it on the stream of the kernels begins before it opens.</summary>
    private sealed unsafe partial class Gate : IDisposable
    {
        private readonly nint _event;
        private bool _open;

        public Gate(GpuBackend backend)
        {
            var stream = (CLStream)StreamOf(backend);
            CLError error;
            _event = CreateUserEvent(stream.Accelerator.NativePtr, &error);
            CLException.ThrowIfFailed(error);
            fixed (nint* opens = &_event) CLException.ThrowIfFailed(EnqueueBarrier(stream.CommandQueue, 1, opens, null));
        }

        public void Open()
        {
            _open = true;
            CLException.ThrowIfFailed(SetUserEventStatus(_event, 0));
        }

        public void Dispose()
        {
            if (!_open) Open(); // or nothing would ever end
            _ = ReleaseEvent(_event);
        }

        [LibraryImport("OpenCL", EntryPoint = "clCreateUserEvent")]
        private static partial nint CreateUserEvent(nint context, CLError* error);

        [LibraryImport("OpenCL", EntryPoint = "clSetUserEventStatus")]
        private static partial CLError SetUserEventStatus(nint gate, int status);

        [LibraryImport("OpenCL", EntryPoint = "clReleaseEvent")]
        private static partial CLError ReleaseEvent(nint gate);

        [LibraryImport("OpenCL", EntryPoint = "clEnqueueBarrierWithWaitList")]
        private static partial CLError EnqueueBarrier(nint queue, uint count, nint* events, nint* result);
    }
}
