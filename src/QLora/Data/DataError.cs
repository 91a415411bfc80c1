namespace QLora.Data;

/// <summary>Errors in a data file: they name the file and the line.</summary>
internal static class DataError
{
    public static QLoraException At(string path, int line, string reason, Exception? cause = null)
    {
        var message = $"{path}, line {line}: {reason}";
        return cause is null ? new QLoraException(message) : new QLoraException(message, cause);
    }
}
