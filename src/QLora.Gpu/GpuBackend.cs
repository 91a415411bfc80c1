using ILGPU;
using ILGPU.Runtime;
using QLora.Backends;
using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

/// <summary>
/// Every op as a kernel that ILGPU compiles for the device, launched one after another on one stream; what is offloaded is copied on another beside them. What the kernels do is in
/// <c>Kernels</c>, one file per op; how they are launched in <c>Launchers</c>, under the same names. Same input and device give the same bits.
/// </summary>
public sealed partial class GpuBackend : Backend
{
    private readonly GpuDevice _device;
    private readonly bool _ownsDevice;
    private readonly AcceleratorStream _stream;
    private readonly CopyQueue _copies;
    private readonly StagingBuffer _staging;
    private readonly DeviceMemoryPool _pool;
    private readonly PinnedMemoryPool _pinned;

    /// <summary>A backend on a device that others may use as well.</summary>
    /// <param name="device">Not disposed with the backend.</param>
    /// <param name="memoryBudget">The most memory of the device that it may take, with what the driver takes for it, in bytes; all that the device has when null.</param>
    public GpuBackend(GpuDevice device, long? memoryBudget = null) : this(device, memoryBudget, ownsDevice: false) { }

    private GpuBackend(GpuDevice device, long? memoryBudget, bool ownsDevice)
    {
        _device = device;
        _ownsDevice = ownsDevice;
        try
        {
            _stream = device.Accelerator.CreateStream();
            _copies = new CopyQueue(device.Accelerator, _stream);
            _pool = new DeviceMemoryPool(device.Accelerator, Math.Max(0, (memoryBudget ?? device.Accelerator.MemorySize) - DriverBytes(Name)));
            _staging = new StagingBuffer(device.Accelerator, _stream, _copies, bytes => (DeviceMemory)_pool.Allocate(bytes), WaitForStream);
            _pinned = new PinnedMemoryPool(device.Accelerator);
        }
        catch (AcceleratorException failure)
        {
            throw device.Lost(failure);
        }
    }

    /// <summary>A backend with a device of its own.</summary>
    /// <param name="device">The name of the device, as <see cref="GpuDevice.Open"/> knows it.</param>
    /// <param name="memoryBudget">The most memory of the device that it may take, with what the driver takes for it, in bytes; all that the device has when null.</param>
    /// <exception cref="QLoraException">There is no such device, or its driver does not work.</exception>
    public static GpuBackend Open(string device, long? memoryBudget = null) => new(GpuDevice.Open(device), memoryBudget, ownsDevice: true);

    /// <inheritdoc/>
    public override string Name => _device.Name;

    /// <inheritdoc/>
    public override MemoryStatistics Memory => _pool.Statistics;

    /// <summary>How often the host has waited for the device.</summary>
    internal int Synchronizations { get; private set; }

    /// <summary>Regions of memory that the device gave so far.</summary>
    internal int RegionsTaken => _pool.RegionsTaken;

    /// <inheritdoc/>
    public override DeviceBuffer AllocateBuffer(long bytes)
    {
        try
        {
            return _pool.Allocate(bytes);
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    /// <inheritdoc/>
    public override void EndStep()
    {
        try
        {
            _pool.EndStep();
            _pinned.EndStep();
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
        try
        {
            WaitForStream();
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    /// <inheritdoc/>
    protected override void CopyFromHostCore(ReadOnlySpan<byte> source, Tensor destination)
    {
        try
        {
            _staging.Upload(source, Bytes(destination));
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    /// <inheritdoc/>
    protected override void CopyToHostCore(Tensor source, Span<byte> destination)
    {
        try
        {
            _staging.Download(Bytes(source), destination);
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    /// <inheritdoc/>
    protected override void CopyCore(Tensor source, Tensor destination)
    {
        try
        {
            if (source.Bytes > 0) Bytes(source).CopyTo(_stream, Bytes(destination));
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    /// <inheritdoc/>
    protected override void ClearCore(Tensor x)
    {
        try
        {
            if (x.Bytes > 0) Bytes(x).MemSetToZero(_stream);
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing || _device.IsLost) return; // its driver would refuse, and hide what went wrong; what it holds goes with the process
        try
        {
            _stream.Synchronize();
            _copies.Dispose();
            _tiles?.Dispose();
            foreach (var tables in _codebooks.Values) tables.Dispose();
            foreach (var tables in _maps.Values) tables.Dispose();
            _staging.Dispose();
            _pool.Dispose();
            _pinned.Dispose();
            _stream.Dispose();
        }
        catch (AcceleratorException failure)
        {
            _device.Lost(failure);
        }

        if (_ownsDevice) _device.Dispose();
    }

    private void WaitForStream()
    {
        _stream.Synchronize();
        _staging.Reuse();
        Synchronizations++;
    }

    private static ArrayView<byte> Bytes(Tensor tensor) => tensor.Buffer is DeviceMemory memory
        ? memory.View.SubView(tensor.Offset, tensor.Bytes)
        : throw new InvalidOperationException($"{tensor} does not lie on the device");

    private static ArrayView<T> View<T>(Tensor tensor) where T : unmanaged
    {
        // A view counts in elements from the start of the region, and would quietly begin before what does not lie at a whole one.
        var fits = MemoryPool.Alignment % Interop.SizeOf<T>() == 0 && tensor.Offset % Interop.SizeOf<T>() == 0;
        return fits ? Bytes(tensor).Cast<T>() : throw new InvalidOperationException($"{tensor} at {tensor.Offset} does not begin at a whole {typeof(T).Name}");
    }

    /// <summary>A lane for each of so many elements.</summary>
    private LaunchShape Elements(long count) => new(new Index3D(checked((int)((count + _device.GroupSize - 1) / _device.GroupSize)), 1, 1), new Index3D(_device.GroupSize, 1, 1));

    /// <summary>A group for each of so many rows.</summary>
    private LaunchShape Rows(int count) => new(new Index3D(count, 1, 1), new Index3D(_device.GroupSize, 1, 1));

    /// <summary>Groups that sum so many columns, as <see cref="Reduction"/> shares them out.</summary>
    private LaunchShape Columns(int count)
    {
        var columns = Reduction.ColumnsOf(_device.GroupSize);
        return Rows((count + columns - 1) / columns);
    }
}
