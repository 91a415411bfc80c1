using System.Text;

namespace QLora.Cli.Frame;

/// <summary>Leaves out the spaces with which a table fills its lines.</summary>
/// <param name="writer">Takes the rest.</param>
internal sealed class TrimmedLines(TextWriter writer) : TextWriter
{
    private int _spaces;

    /// <inheritdoc/>
    public override Encoding Encoding => writer.Encoding;

    /// <inheritdoc/>
    public override void Write(char value)
    {
        if (value == ' ')
        {
            _spaces++;
            return;
        }

        if (value is not ('\r' or '\n')) writer.Write(new string(' ', _spaces));
        _spaces = 0;
        writer.Write(value);
    }
}
