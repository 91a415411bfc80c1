using System.Buffers.Text;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace QLora.Training;

/// <summary>What the operating system says about this process's memory.</summary>
public static partial class ProcessMemory
{
    /// <summary>
    /// The highest resident memory of the whole process so far, in bytes: <c>VmHWM</c> on Linux, the peak working set on Windows, <c>ru_maxrss</c> on macOS.
    /// </summary>
    public static long PeakResidentBytes
    {
        get
        {
            if (OperatingSystem.IsLinux()) return LinuxPeak();
            if (OperatingSystem.IsMacOS()) return MacPeak();
            using var process = Process.GetCurrentProcess();
            return process.PeakWorkingSet64;
        }
    }

    /// <summary>The line <c>VmHWM:  123456 kB</c> of <c>/proc/self/status</c>, read without a string: it is asked for after every step.</summary>
    private static long LinuxPeak()
    {
        Span<byte> text = stackalloc byte[4096];
        using var file = File.OpenHandle("/proc/self/status");
        text = text[..RandomAccess.Read(file, text, 0)];
        var line = text[(text.IndexOf("VmHWM:"u8) + "VmHWM:"u8.Length)..].TrimStart(" \t"u8);
        return Utf8Parser.TryParse(line, out long kilobytes, out _) ? kilobytes << 10 : throw new PlatformNotSupportedException("/proc/self/status says no VmHWM");
    }

    private static unsafe long MacPeak()
    {
        const int MaxResident = 4; // after two times of two words each
        var usage = stackalloc long[32];
        return GetResourceUsage(who: 0, usage) == 0 ? usage[MaxResident] : throw new PlatformNotSupportedException("getrusage failed");
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    private static unsafe partial int GetResourceUsage(int who, long* usage);

    /// <summary>
    /// Gives the system what the runtime holds of garbage: that of loading a model is more than a whole run makes, and would count as the run's own memory.
    /// </summary>
    public static void GiveBackGarbage() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
}
