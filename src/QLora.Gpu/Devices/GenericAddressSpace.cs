using System.Runtime.CompilerServices;
using ILGPU.Runtime.OpenCL;

namespace QLora.Gpu;

/// <summary>
/// ILGPU refuses OpenCL devices without a generic address space (pointers that may be to global or to group memory), such as PoCL's, although no kernel here needs
/// one: at O2 it finds out of every pointer where it leads. There is no public way to say so; the flag that it looks at is set here, which holds for the ILGPU that
/// Directory.Packages.props names.
/// </summary>
internal static class GenericAddressSpace
{
    public static void Assume(CLDevice device) => Set(device.Capabilities, true);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_GenericAddressSpace")]
    private static extern void Set(CLCapabilityContext capabilities, bool value);
}
