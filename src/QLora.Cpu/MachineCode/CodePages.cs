using System.Runtime.InteropServices;

namespace QLora.Cpu.MachineCode;

/// <summary>Pages of machine code, which stay for as long as the process. They are writable first and executable then, never both.</summary>
internal static unsafe partial class CodePages
{
    /// <summary>Puts code where it can be called.</summary>
    /// <returns>Its address, or null where the system refuses.</returns>
    public static void* TryPlace(ReadOnlySpan<byte> code) => OperatingSystem.IsWindows() ? TryPlaceOnWindows(code) : TryPlaceOnUnix(code);

    private static void* TryPlaceOnUnix(ReadOnlySpan<byte> code)
    {
        const int Read = 1, Write = 2, Execute = 4, Private = 2;
        var anonymous = OperatingSystem.IsLinux() ? 0x20 : 0x1000;
        var pages = Map(null, (nuint)code.Length, Read | Write, Private | anonymous, -1, 0);
        if ((nint)pages == -1) return null;
        code.CopyTo(new Span<byte>(pages, code.Length));
        if (Protect(pages, (nuint)code.Length, Read | Execute) == 0) return pages;
        _ = Unmap(pages, (nuint)code.Length);
        return null;
    }

    private static void* TryPlaceOnWindows(ReadOnlySpan<byte> code)
    {
        const uint CommitAndReserve = 0x3000, Release = 0x8000, ReadWrite = 0x04, ExecuteRead = 0x20;
        var pages = VirtualAlloc(null, (nuint)code.Length, CommitAndReserve, ReadWrite);
        if (pages == null) return null;
        code.CopyTo(new Span<byte>(pages, code.Length));
        if (VirtualProtect(pages, (nuint)code.Length, ExecuteRead, out _) != 0) return pages;
        _ = VirtualFree(pages, 0, Release);
        return null;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Unmap(void* address, nuint length);

    [LibraryImport("kernel32")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial void* VirtualAlloc(void* address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial int VirtualProtect(void* address, nuint size, uint protection, out uint oldProtection);

    [LibraryImport("kernel32")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial int VirtualFree(void* address, nuint size, uint type);
}
