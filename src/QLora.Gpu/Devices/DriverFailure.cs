using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace QLora.Gpu;

/// <summary>What ILGPU throws where a driver refuses: some of it says nothing in its message, and some hides the cause inside.</summary>
internal static class DriverFailure
{
    /// <summary>The failure in the driver's terms where it has some, else in those of its innermost cause.</summary>
    public static string Describe(Exception failure)
    {
        var cause = failure.GetBaseException();
        return cause switch
        {
            CLException { Error: var error } => error.ToString(),
            CudaException { Error: var error } => $"{error}, {cause.Message}",
            _ => cause.Message,
        };
    }

    /// <summary>Whether it is what a driver can do to those who look for its devices: it or its library is broken, too old, or not what its name says.</summary>
    public static bool IsOne(Exception failure) => failure is AcceleratorException or CapabilityNotSupportedException or NotSupportedException or InvalidOperationException
        or TypeInitializationException or TypeLoadException or BadImageFormatException or ExternalException;

    /// <summary>Whether a device refuses memory because it has none left, and works otherwise.</summary>
    public static bool IsOutOfMemory(AcceleratorException failure) => failure switch
    {
        CLException { Error: var error } => error is CLError.CL_MEM_OBJECT_ALLOCATION_FAILURE or CLError.CL_OUT_OF_RESOURCES or CLError.CL_OUT_OF_HOST_MEMORY or CLError.CL_INVALID_BUFFER_SIZE,
        CudaException { Error: var error } => error == nameof(CudaError.CUDA_ERROR_OUT_OF_MEMORY),
        _ => true,
    };
}
