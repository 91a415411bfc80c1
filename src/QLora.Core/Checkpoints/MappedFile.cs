using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;
using QLora.Backends;

namespace QLora.Checkpoints;

/// <summary>A file mapped read-only into memory: its pages are read when they are touched and belong to the system.</summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly SafeMemoryMappedViewHandle? _handle;
    private byte* _pointer;

    private MappedFile(string path, long length, MemoryMappedFile? file)
    {
        (Path, Length, _file) = (path, length, file);
        if (file is null) return;
        _view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        _handle = _view.SafeMemoryMappedViewHandle;
        _handle.AcquirePointer(ref _pointer);
        _pointer += _view.PointerOffset;
    }

    public string Path { get; }

    public long Length { get; }

    /// <exception cref="QLoraException">There is no such file, or it cannot be read.</exception>
    public static MappedFile Open(string path)
    {
        try
        {
            using var stream = File.OpenRead(path); // follows links, as model caches are made of them
            var file = stream.Length == 0 ? null : MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            return new MappedFile(path, stream.Length, file);
        }
        catch (FileNotFoundException cause)
        {
            throw new QLoraException($"{path}: there is no such file", cause);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new QLoraException($"{path}: cannot be read: {cause.Message}", cause); // NotSupportedException: a pipe or a device, which has no length
        }
    }

    /// <summary>Some bytes of the file.</summary>
    /// <exception cref="ObjectDisposedException">The file was unmapped.</exception>
    /// <exception cref="QLoraException">They are more than can be looked at together.</exception>
    public ReadOnlySpan<byte> Slice(long offset, long length)
    {
        ObjectDisposedException.ThrowIf(_pointer is null && Length > 0, this);
        if (offset < 0 || length < 0 || offset > Length - length) throw new ArgumentOutOfRangeException(nameof(offset), $"{offset} + {length} leaves a file of {Length} bytes");
        if (length > int.MaxValue) throw new QLoraException($"{Path}: {length} bytes cannot be read at once; expected {int.MaxValue} at most");
        return new ReadOnlySpan<byte>(_pointer + offset, (int)length);
    }

    /// <summary>Gives back the pages that were touched so far; they come again, from the system's cache of the file, when they are touched.</summary>
    public void ReleasePages()
    {
        if (_pointer is not null) LinuxPages.Release(_pointer, Length);
    }

    public void Dispose()
    {
        if (_pointer is not null) _handle!.ReleasePointer();
        _pointer = null;
        _view?.Dispose();
        _file?.Dispose();
    }
}
