using System.Runtime.InteropServices;

namespace QLora.Backends;

/// <summary>
/// Asks Linux for memory in pages of 2 MiB, which cost less to address, and for all pages of it at once. Otherwise each of them interrupts the first write that reaches it,
/// which on a virtual machine takes longer than what is written. Where the system refuses or does not know how, pages come as they are touched.
/// </summary>
internal static unsafe partial class LinuxPages
{
    private const int AdviceDoNotNeed = 4, AdviceHugePage = 14, AdvicePopulateWrite = 23;

    /// <summary>Asks for large pages.</summary>
    public static void MakeLarge(void* start, long bytes) => Advise(start, bytes, AdviceHugePage);

    /// <summary>Asks for all pages now.</summary>
    public static void MakeResident(void* start, long bytes) => Advise(start, bytes, AdvicePopulateWrite);

    /// <summary>Gives all pages back; what is read there next is zeros, or what the file holds that is mapped there.</summary>
    public static void Release(void* start, long bytes) => Advise(start, bytes, AdviceDoNotNeed);

    private static void Advise(void* start, long bytes, int advice)
    {
        if (OperatingSystem.IsLinux()) _ = MAdvise(start, (nint)bytes, advice);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MAdvise(void* start, nint bytes, int advice);
}
