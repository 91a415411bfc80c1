using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace QLora.Gpu;

/// <summary>NVIDIA's driver.</summary>
internal sealed class CudaDriver() : DeviceDriver("cuda")
{
    private const string Library = "cuda", LibraryOfWindows = "nvcuda";

    /// <inheritdoc/>
    public override string Missing => "no NVIDIA driver was found";

    /// <inheritdoc/>
    public override string Advice => "nvidia-smi must list the GPU, a new driver works after a restart of the machine, and a container must be started with the GPU (--gpus all)";

    /// <inheritdoc/>
    public override IReadOnlyList<Device> DevicesOf(Context context) => [.. context.GetCudaDevices()];

    /// <inheritdoc/>
    public override GpuDeviceKind KindOf(Device device) => GpuDeviceKind.Cuda;

    /// <inheritdoc/>
    public override string? Complaint()
    {
        if (Initialize() is not { } result) return null;
        if (result != CudaError.CUDA_SUCCESS) return $"NVIDIA's driver says {result}";
        return CudaDevice.GetDevices(_ => true).Cast<CudaDevice>().FirstOrDefault(device => !IsSupported(device)) is { } device
            ? $"the driver of {device.Name} has CUDA {device.DriverVersion.Major}.{device.DriverVersion.Minor}, which is too old for it or for ILGPU"
            : "NVIDIA's driver says nothing of its devices";
    }

    /// <inheritdoc/>
    protected override void AddDevices(Context.Builder builder)
    {
        try
        {
            builder.Cuda();
        }
        catch (InvalidOperationException)
        {
            // On WSL, ILGPU tells .NET at each call where the driver's library is, which .NET allows once.
            foreach (var device in CudaDevice.GetDevices(IsSupported)) Devices(builder).Register(device);
        }
    }

    private static bool IsSupported(CudaDevice device) => device is { Architecture: not null, InstructionSet: not null };

    /// <summary>What the driver itself says, of which ILGPU keeps only whether it works; null when there is none.</summary>
    private static CudaError? Initialize()
    {
        if (!NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? LibraryOfWindows : Library, typeof(CudaAPI).Assembly, null, out var library)) return null;
        var initialize = NativeLibrary.GetExport(library, "cuInit");
        unsafe
        {
            return ((delegate* unmanaged<uint, CudaError>)initialize)(0);
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_DeviceRegistry")]
    private static extern DeviceRegistry Devices(Context.Builder builder);
}
