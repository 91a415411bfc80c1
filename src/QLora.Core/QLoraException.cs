namespace QLora;

/// <summary>
/// Something the user can mend: a file, a format, a shape, an option. The message names the thing, what was found and what was expected,
/// and is shown without a stack trace. Programming errors are <see cref="ArgumentException"/> and its kin instead.
/// </summary>
public class QLoraException : Exception
{
    /// <summary>Creates the error with the message a person will read.</summary>
    public QLoraException(string message) : base(message) { }

    /// <summary>Creates the error with the message a person will read and the cause beneath it.</summary>
    public QLoraException(string message, Exception cause) : base(message, cause) { }
}
