using System.Text;
using System.Text.Unicode;

namespace QLora.Cli.Frame;

/// <summary>Files that the user names, checked before any long work.</summary>
internal static class InputFile
{
    /// <summary>Refuses a path that is no readable file.</summary>
    /// <param name="path">The path.</param>
    /// <param name="what">What it should hold, for the message: <c>training data</c>.</param>
    /// <exception cref="QLoraException">It is missing, a folder, or not readable.</exception>
    public static void Check(string path, string what) => Open(path, what).Dispose();

    /// <summary>The bytes of a small file.</summary>
    /// <exception cref="QLoraException">It is missing, a folder, or not readable.</exception>
    public static byte[] ReadAllBytes(string path, string what)
    {
        using var stream = Open(path, what);
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>The text of a small file in UTF-8.</summary>
    /// <exception cref="QLoraException">It is missing, a folder, not readable, or other text.</exception>
    public static string ReadAllText(string path, string what)
    {
        var bytes = ReadAllBytes(path, what);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw new QLoraException($"{path} is not UTF-8 text");
    }

    private static FileStream Open(string path, string what)
    {
        if (Directory.Exists(path)) throw new QLoraException($"{path} is a folder, expected a file with {what}");
        if (!File.Exists(path)) throw new QLoraException($"{path}: there is no such file; expected {what}");
        try
        {
            return File.OpenRead(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new QLoraException($"{path}: cannot be read: {cause.Message}", cause);
        }
    }
}
