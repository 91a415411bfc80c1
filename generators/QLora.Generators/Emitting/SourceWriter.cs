using System.Text;
using Microsoft.CodeAnalysis.CSharp;

namespace QLora.Generators.Emitting;

/// <summary>Writes indented source text.</summary>
internal sealed class SourceWriter
{
    private readonly StringBuilder _text = new();
    private int _depth;

    public SourceWriter Line(string text = "")
    {
        if (text.Length > 0) _text.Append(' ', 4 * _depth).Append(text);
        _text.Append('\n');
        return this;
    }

    public SourceWriter Open(string header)
    {
        Line(header).Line("{");
        _depth++;
        return this;
    }

    public SourceWriter Close(string tail = "")
    {
        _depth--;
        return Line("}" + tail);
    }

    public override string ToString() => _text.ToString();

    /// <summary>Text as a literal; the literal null where there is none.</summary>
    public static string Literal(string? text) => text is null ? "null" : SymbolDisplay.FormatLiteral(text, quote: true);

    /// <summary>Text as the documentation can hold it.</summary>
    public static string Xml(string text) => text.Replace("&", "&amp;").Replace("<", "&lt;").Replace("\n", " ");
}
