namespace QLora.Testing;

/// <summary>
/// Damages files and opens them as a user would. Whatever a file holds, reading it ends in a result or in a <see cref="QLoraException"/> that names the file, and takes no more memory than
/// a small multiple of the file: another exception fails the test, and so does the memory.
/// </summary>
public static class Damage
{
    private const long BaseAllocation = 1 << 20;
    private const int BytesPerByte = 64;

    /// <summary>Every proper prefix of a file.</summary>
    public static IEnumerable<(string What, byte[] Bytes)> Prefixes(byte[] file) => Enumerable.Range(0, file.Length).Select(length => ($"first {length} bytes", file[..length]));

    /// <summary>A file with one byte changed: every bit of it, and all of its bits cleared or set, for each of the first bytes.</summary>
    public static IEnumerable<(string What, byte[] Bytes)> Flips(byte[] file, int count)
    {
        for (var at = 0; at < count; at++)
        {
            foreach (var value in Enumerable.Range(0, 8).Select(bit => (byte)(file[at] ^ (1 << bit))).Append((byte)0).Append((byte)0xFF))
            {
                if (value == file[at]) continue;
                var damaged = file.ToArray();
                damaged[at] = value;
                yield return ($"byte {at} is {value}", damaged);
            }
        }
    }

    /// <summary>Opens and reads what was damaged.</summary>
    /// <param name="what">The damage, for messages.</param>
    /// <param name="path">The file or folder.</param>
    /// <param name="read">Opens it and reads all of it.</param>
    /// <returns>The error's message; null when it was read.</returns>
    public static string? ReadOrRefuse(string what, string path, Action<string> read)
    {
        var size = File.Exists(path) ? new FileInfo(path).Length : new DirectoryInfo(path).EnumerateFiles().Sum(file => file.Length);
        var before = GC.GetAllocatedBytesForCurrentThread();
        string? message = null;
        try
        {
            read(path);
        }
        catch (QLoraException error)
        {
            message = error.Message;
            Assert.True(message.Contains(path, StringComparison.Ordinal), $"{what}: the message does not name the file: {message}");
        }
        catch (Exception error)
        {
            Assert.Fail($"{what}: {error}");
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= BaseAllocation + BytesPerByte * size, $"{what}: {allocated} bytes of memory for {size} bytes of file");
        return message;
    }
}
