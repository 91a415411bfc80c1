using System.Runtime.InteropServices;

namespace QLora.Backends;

/// <summary>
/// Asks Linux for the pages of new memory at once. Otherwise each of them interrupts the first write that reaches it, which on a virtual machine takes longer than what is
/// written; and pages of 2 MiB, for blocks that hold some, also cost less to address.
/// </summary>
internal static unsafe partial class LinuxPages
{
    /// <summary>What large blocks are aligned to, so that they can lie in large pages.</summary>
    public const int LargePage = 2 << 20;

    private const long WorthAsking = 64 << 10;
    private const int AdviceHugePage = 14, AdvicePopulateWrite = 23;

    /// <summary>Makes the whole pages of a block resident. Where the system refuses or does not know how, they come as they are touched.</summary>
    /// <param name="address">Where the block begins.</param>
    /// <param name="bytes">What of it will be used.</param>
    public static void MakeResident(void* address, long bytes)
    {
        if (bytes < WorthAsking || !OperatingSystem.IsLinux()) return;
        var page = Environment.SystemPageSize;
        var start = ((nint)address + page - 1) / page * page;
        var length = ((nint)address + (nint)bytes) / page * page - start;
        if (bytes >= LargePage) _ = Advise(start, length, AdviceHugePage);
        _ = Advise(start, length, AdvicePopulateWrite);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(nint address, nint length, int advice);
}
