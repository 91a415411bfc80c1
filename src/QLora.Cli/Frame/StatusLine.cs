namespace QLora.Cli.Frame;

/// <summary>One line on a terminal that says how far a long work is, and is written over again and again. Where there is no terminal there is no such line.</summary>
/// <param name="terminal">Where messages go.</param>
internal sealed class StatusLine(Terminal terminal)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private long _lastWrite;
    private bool _isShown;

    /// <summary>Whether there is such a line.</summary>
    public bool IsLive => terminal.ErrorIsTerminal;

    /// <summary>Shows a text; some are left out when they come faster than an eye reads them.</summary>
    public void Show(string text)
    {
        if (!IsLive || (_isShown && System.Diagnostics.Stopwatch.GetElapsedTime(_lastWrite) < Pause)) return;
        var width = terminal.Width - 1;
        terminal.Error.Write($"\r{(text.Length > width ? text[..width] : text)}\e[K");
        _lastWrite = System.Diagnostics.Stopwatch.GetTimestamp();
        _isShown = true;
    }

    /// <summary>Takes the line away.</summary>
    public void Clear()
    {
        if (!_isShown) return;
        terminal.Error.Write("\r\e[K");
        _isShown = false;
    }

    /// <summary>Writes a line that stays, above the one that is written over.</summary>
    public void Write(string line)
    {
        Clear();
        terminal.Error.WriteLine(line);
    }
}
