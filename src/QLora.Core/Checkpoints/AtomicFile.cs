namespace QLora.Checkpoints;

/// <summary>
/// A file that is written beside its place and moved there when it is complete: a crash, a full disk or an interruption leaves the old file, or none.
/// </summary>
public sealed class AtomicFile : IDisposable
{
    private readonly string _path;
    private readonly string _temporary;
    private bool _committed;

    private AtomicFile(string path, string temporary, FileStream stream) => (_path, _temporary, Stream) = (path, temporary, stream);

    /// <summary>Where to write.</summary>
    public FileStream Stream { get; }

    /// <summary>Starts a file.</summary>
    /// <param name="path">Its place; what lies there is replaced on <see cref="Commit"/>.</param>
    /// <exception cref="QLoraException">The folder cannot be written.</exception>
    public static AtomicFile Create(string path)
    {
        var temporary = $"{path}.{Environment.ProcessId:x}-{Guid.NewGuid():N}.tmp";
        return Guard(path, () => new AtomicFile(path, temporary, new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16)));
    }

    /// <summary>Writes a whole file.</summary>
    /// <param name="path">Its place.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="QLoraException">It cannot be written; the place is as it was.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        using var file = Create(path);
        Guard(path, () =>
        {
            write(file.Stream);
            return true;
        });
        file.Commit();
    }

    /// <summary>Writes a whole text file in UTF-8.</summary>
    /// <param name="path">Its place.</param>
    /// <param name="text">The content.</param>
    /// <exception cref="QLoraException">It cannot be written; the place is as it was.</exception>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    /// <summary>Makes a folder, with those above it.</summary>
    /// <exception cref="QLoraException">It cannot be made.</exception>
    public static void CreateFolder(string path) => Guard(path, () => Directory.CreateDirectory(path));

    /// <summary>Flushes to disk and moves the file to its place.</summary>
    /// <exception cref="QLoraException">The disk is full or the place cannot be written; what lay there is as it was.</exception>
    public void Commit() => Guard(_path, () =>
    {
        Stream.Flush(flushToDisk: true);
        Stream.Dispose();
        File.Move(_temporary, _path, overwrite: true);
        return _committed = true;
    });

    /// <summary>Deletes what was written, unless it was committed.</summary>
    public void Dispose()
    {
        if (_committed) return;
        try
        {
            Stream.Dispose();
        }
        catch (IOException)
        {
            // The disk is full: what was buffered is lost, and the file goes anyway.
        }

        try
        {
            File.Delete(_temporary);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            // The folder is gone or can no longer be written. The error on its way to the user says more than this one would.
        }
    }

    /// <summary>Does something to a file or folder that is written; what the system refuses is an error that names it.</summary>
    /// <exception cref="QLoraException">The disk is full, the place is not writable, and the like.</exception>
    public static T Guard<T>(string path, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new QLoraException($"{path}: cannot be written: {cause.Message}", cause);
        }
    }
}
