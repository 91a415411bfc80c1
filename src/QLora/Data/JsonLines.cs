using System.Text.Json;
using System.Text.Unicode;

namespace QLora.Data;

/// <summary>JSON lines, read one at a time.</summary>
internal static class JsonLines
{
    /// <summary>More than any example that a model could read; a longer line means that this is another kind of file.</summary>
    public const int MaxLineBytes = 64 << 20;

    /// <summary>Every line's value with its number, counted from 1; a value is valid until the next is asked for. Blank lines are allowed at the end of the file only.</summary>
    /// <exception cref="QLoraException">The file can't be read, or a line is no JSON.</exception>
    public static IEnumerable<(int Line, JsonElement Value)> Read(string path)
    {
        var firstBlank = 0;
        foreach (var (line, bytes) in ReadLines(path))
        {
            if (bytes.Span.Trim(" \t\r"u8).IsEmpty)
            {
                if (firstBlank == 0) firstBlank = line;
                continue;
            }

            if (firstBlank > 0) throw DataError.At(path, firstBlank, "the line is blank, expected one JSON object a line");
            using var document = Parse(path, line, bytes);
            yield return (line, document.RootElement);
        }
    }

    private static JsonDocument Parse(string path, int line, ReadOnlyMemory<byte> bytes)
    {
        if (!Utf8.IsValid(bytes.Span)) throw DataError.At(path, line, "the line is not UTF-8 text");
        try
        {
            return JsonDocument.Parse(bytes);
        }
        catch (JsonException e)
        {
            throw DataError.At(path, line, $"not valid JSON at byte {e.BytePositionInLine}; expected one whole JSON object a line");
        }
    }

    private static IEnumerable<(int Line, ReadOnlyMemory<byte> Bytes)> ReadLines(string path)
    {
        using var stream = Open(path);
        var buffer = new byte[1 << 16];
        var (start, end, line) = (0, Fill(stream, buffer, 0, path), 1);
        if (buffer.AsSpan(0, end).StartsWith("\uFEFF"u8)) start = 3;
        while (true)
        {
            var length = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
            if (length >= 0)
            {
                yield return (line++, buffer.AsMemory(start, length));
                start += length + 1;
                continue;
            }

            // The rest begins a line that isn't here whole yet: move it to the front and read on, in a larger buffer when it fills this one.
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
            if (end > MaxLineBytes) throw DataError.At(path, line, $"the line is longer than {MaxLineBytes >> 20} MiB, expected one example a line");
            if (end == buffer.Length) Array.Resize(ref buffer, buffer.Length * 2);
            var read = Fill(stream, buffer, end, path);
            if (read == 0) break;
            end += read;
        }

        if (end > 0) yield return (line, buffer.AsMemory(0, end));
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new QLoraException($"the data file {path} can't be opened: {e.Message}", e);
        }
    }

    private static int Fill(FileStream stream, byte[] buffer, int at, string path)
    {
        try
        {
            return stream.Read(buffer, at, buffer.Length - at);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new QLoraException($"the data file {path} can't be read: {e.Message}", e);
        }
    }
}
