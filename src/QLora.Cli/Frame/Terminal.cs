using System.Text;
using Spectre.Console;

namespace QLora.Cli.Frame;

/// <summary>What a command reads and writes: the process's own streams, or those of a test. Text is UTF-8.</summary>
internal sealed class Terminal : IDisposable
{
    // A pipe has no width: nothing that goes into one is wrapped.
    private const int UnboundedWidth = 10_000;

    private readonly Lazy<IAnsiConsole> _console;
    private StreamReader? _lines;

    /// <summary>Streams that are no terminal.</summary>
    public Terminal(Stream input, TextWriter output, TextWriter error)
    {
        (Input, Output, Error) = (input, output, error);
        _console = new Lazy<IAnsiConsole>(CreateConsole);
    }

    /// <summary>What is piped in, or typed.</summary>
    public Stream Input { get; }

    /// <summary>Results.</summary>
    public TextWriter Output { get; }

    /// <summary>Progress, notes and errors.</summary>
    public TextWriter Error { get; }

    /// <summary>Whether a person types the input.</summary>
    public bool InputIsTerminal { get; init; }

    /// <summary>Whether a person reads the output as it comes.</summary>
    public bool OutputIsTerminal { get; init; }

    /// <summary>Whether a person reads the messages as they come.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Whether colours are wanted where there is a terminal: NO_COLOR (no-color.org) says no.</summary>
    public bool UseColors { get; init; }

    /// <summary>Tables and styled text on <see cref="Output"/>: styled on a terminal, plain elsewhere.</summary>
    public IAnsiConsole Console => _console.Value;

    /// <summary>The columns of the terminal that messages go to.</summary>
    public int Width => ErrorIsTerminal && System.Console.WindowWidth > 0 ? System.Console.WindowWidth : 80;

    /// <summary>The process's own streams.</summary>
    public static Terminal OfProcess()
    {
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        System.Console.OutputEncoding = utf8;
        var dumb = Environment.GetEnvironmentVariable("TERM") == "dumb";
        var output = System.Console.IsOutputRedirected ? new StreamWriter(System.Console.OpenStandardOutput(), utf8, 1 << 16) : System.Console.Out;
        return new Terminal(System.Console.OpenStandardInput(), output, System.Console.Error)
        {
            InputIsTerminal = !System.Console.IsInputRedirected,
            OutputIsTerminal = !System.Console.IsOutputRedirected && !dumb,
            ErrorIsTerminal = !System.Console.IsErrorRedirected && !dumb,
            UseColors = string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")),
        };
    }

    /// <summary>All of the input as text.</summary>
    /// <param name="cancellation">Ends the wait for it.</param>
    /// <exception cref="QLoraException">It is not UTF-8.</exception>
    public string ReadInput(CancellationToken cancellation) => Wait(() =>
    {
        try
        {
            using var reader = new StreamReader(Input, new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: false);
            return reader.ReadToEnd();
        }
        catch (DecoderFallbackException cause)
        {
            throw new QLoraException("standard input is not UTF-8 text", cause);
        }
    }, cancellation);

    /// <summary>A line that a person types; null when the input ends.</summary>
    /// <param name="prompt">Shown before it.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public string? ReadLine(string prompt, CancellationToken cancellation)
    {
        Error.Write(prompt);
        Error.Flush();
        _lines ??= new StreamReader(Input, new UTF8Encoding(false));
        return Wait(_lines.ReadLine, cancellation);
    }

    /// <summary>Writes a piece of a result that is to be seen at once.</summary>
    public void WritePiece(string piece)
    {
        Output.Write(piece);
        Output.Flush();
    }

    /// <summary>Writes an error, red on a terminal.</summary>
    public void WriteError(string message)
    {
        var (red, plain) = ErrorIsTerminal && UseColors ? ("\e[31m", "\e[0m") : ("", "");
        Error.WriteLine($"{red}error:{plain} {message}");
    }

    /// <summary>Flushes what is still buffered, as far as there is room for it.</summary>
    public void Dispose()
    {
        try
        {
            Output.Flush();
            Error.Flush();
        }
        catch (IOException)
        {
            // The disk is full, which was said before.
        }
    }

    /// <summary>Reading from a terminal or a pipe cannot be interrupted, but waiting for it can.</summary>
    private static T Wait<T>(Func<T> read, CancellationToken cancellation) => Task.Run(read, CancellationToken.None).WaitAsync(cancellation).GetAwaiter().GetResult();

    private IAnsiConsole CreateConsole()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(OutputIsTerminal ? Output : new TrimmedLines(Output)),
            Ansi = OutputIsTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = OutputIsTerminal && UseColors ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });
        if (!OutputIsTerminal) console.Profile.Width = UnboundedWidth;
        return console;
    }
}
