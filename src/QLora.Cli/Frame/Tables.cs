using Spectre.Console;
using Cell = Spectre.Console.Text;

namespace QLora.Cli.Frame;

/// <summary>Tables without lines, that read well on a terminal and can be cut into columns in a pipe.</summary>
internal static class Tables
{
    /// <summary>Names and values, one pair a line.</summary>
    public static void WriteFacts(this IAnsiConsole console, params IEnumerable<(string Name, string Value)> facts)
    {
        var table = Plain().HideHeaders().AddColumn(Column("").NoWrap()).AddColumn(Column(""));
        foreach (var (name, value) in facts) table.AddRow(new Cell(name, new Style(decoration: Decoration.Bold)), new Cell(value));
        console.Write(table);
    }

    /// <summary>Rows under headers; columns of numbers end at the right.</summary>
    public static void WriteRows(this IAnsiConsole console, IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<string>> rows)
    {
        var list = rows.ToList();
        var table = Plain();
        for (var i = 0; i < headers.Count; i++)
        {
            // The last column, which holds the longest text, is the one that gives way on a narrow terminal.
            var column = i == headers.Count - 1 ? Column(headers[i]) : Column(headers[i]).NoWrap();
            table.AddColumn(list.Count > 0 && list.All(row => row[i].Length == 0 || char.IsAsciiDigit(row[i][0])) ? column.RightAligned() : column);
        }

        foreach (var row in list) table.AddRow(row.Select(cell => new Cell(cell)));
        console.Write(table);
    }

    private static Table Plain() => new Table().Border(TableBorder.None);

    private static TableColumn Column(string header) => new TableColumn(new Cell(header, new Style(decoration: Decoration.Bold))).PadLeft(0).PadRight(2);
}
