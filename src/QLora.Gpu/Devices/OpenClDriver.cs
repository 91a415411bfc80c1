using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.OpenCL;

namespace QLora.Gpu;

/// <summary>All drivers of OpenCL: of GPUs and of processors.</summary>
internal sealed class OpenClDriver() : DeviceDriver("opencl")
{
    /// <inheritdoc/>
    public override string Missing => "no OpenCL driver was found";

    /// <inheritdoc/>
    public override string Advice => "it needs libOpenCL.so and the driver of the device (an .icd file in /etc/OpenCL/vendors), and clinfo must list the device, for which the user may have to be in the group render or video";

    /// <inheritdoc/>
    public override IReadOnlyList<Device> DevicesOf(Context context) => [.. context.GetCLDevices()];

    /// <inheritdoc/>
    public override GpuDeviceKind KindOf(Device device) =>
        ((CLDevice)device).DeviceType == CLDeviceType.CL_DEVICE_TYPE_GPU ? GpuDeviceKind.OpenClGpu : GpuDeviceKind.OpenClProcessor;

    /// <inheritdoc/>
    public override string? Complaint() => CLAPI.CurrentAPI.IsSupported ? "OpenCL's drivers find no device" : null;

    /// <inheritdoc/>
    protected override void AddDevices(Context.Builder builder) => builder.OpenCL(_ => true);
}
