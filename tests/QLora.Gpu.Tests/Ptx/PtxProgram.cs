using System.Globalization;
using System.Text.RegularExpressions;

namespace QLora.Tests.Backends.Gpu.Ptx;

/// <summary>The text of a kernel, taken apart: what it declares and its instructions. As strict as an assembler in what names there are.</summary>
internal sealed partial class PtxProgram
{
    private readonly Dictionary<string, int> _registers = [];
    private readonly Dictionary<string, int> _labels = [];
    private readonly Dictionary<string, int> _parameters = [];
    private readonly Dictionary<string, int> _shared = [];
    private readonly List<PtxInstruction> _instructions = [];

    /// <exception cref="FormatException">Something in the text is not understood.</exception>
    public PtxProgram(string text)
    {
        text = Comment().Replace(text, "");
        var entry = Entry().Match(text);
        if (!entry.Success) throw new FormatException("there is no .entry");
        foreach (Match parameter in Parameter().Matches(entry.Groups["parameters"].Value)) AddParameter(parameter);
        var body = text[(entry.Index + entry.Length)..];
        foreach (var statement in body[..body.LastIndexOf('}')].Split([';', '\n']).Select(part => part.Trim()).Where(part => part.Length > 0)) Add(statement);
    }

    /// <summary>Bytes of the group's memory.</summary>
    public int SharedBytes { get; private set; }

    /// <summary>Bytes of all parameters.</summary>
    public int ParameterBytes { get; private set; }

    /// <summary>Where each parameter begins, in their order.</summary>
    public IReadOnlyList<int> ParameterOffsets => [.. _parameters.Values];

    /// <summary>How many registers there are.</summary>
    public int Registers => _registers.Count;

    public IReadOnlyCollection<string> RegisterNames => _registers.Keys;

    public IReadOnlyList<PtxInstruction> Instructions => _instructions;

    /// <summary>The place of a register.</summary>
    public int Register(string name) => _registers.TryGetValue(name, out var slot) ? slot : throw new FormatException($"there is no register {name}");

    /// <summary>Where a jump goes.</summary>
    public int Label(string name) => _labels.TryGetValue(name, out var target) ? target : throw new FormatException($"there is no label {name}");

    /// <summary>The address that a name stands for, in the group's memory or among the parameters; null for other names.</summary>
    public int? Address(string name) => _shared.TryGetValue(name, out var address) || _parameters.TryGetValue(name, out address) ? address : null;

    private void AddParameter(Match match)
    {
        var size = match.Groups["count"].Success ? int.Parse(match.Groups["count"].Value, CultureInfo.InvariantCulture) : int.Parse(match.Groups["bits"].Value, CultureInfo.InvariantCulture) / 8;
        var alignment = match.Groups["align"].Success ? int.Parse(match.Groups["align"].Value, CultureInfo.InvariantCulture) : size;
        ParameterBytes = (ParameterBytes + alignment - 1) / alignment * alignment;
        _parameters.Add(match.Groups["name"].Value, ParameterBytes);
        ParameterBytes += size;
    }

    private void Add(string statement)
    {
        if (statement.EndsWith(':')) _labels.Add(statement[..^1], _instructions.Count);
        else if (statement.StartsWith(".reg", StringComparison.Ordinal)) AddRegisters(statement);
        else if (statement.StartsWith(".shared", StringComparison.Ordinal)) AddShared(statement);
        else if (statement is not ("{" or "}")) _instructions.Add(PtxInstruction.Parse(statement));
    }

    private void AddRegisters(string statement)
    {
        foreach (var name in statement.Split([' ', '\t'], 3)[2].Split(',').Select(name => name.Trim()))
        {
            var range = name.IndexOf('<', StringComparison.Ordinal);
            if (range < 0) _registers.Add(name, _registers.Count);
            else for (var i = 0; i < int.Parse(name[(range + 1)..^1], CultureInfo.InvariantCulture); i++) _registers.Add($"{name[..range]}{i}", _registers.Count);
        }
    }

    private void AddShared(string statement)
    {
        var match = SharedArray().Match(statement);
        if (!match.Success) throw new FormatException($"'{statement}' is no array");
        var alignment = int.Parse(match.Groups["align"].Value, CultureInfo.InvariantCulture);
        SharedBytes = (SharedBytes + alignment - 1) / alignment * alignment;
        _shared.Add(match.Groups["name"].Value, SharedBytes);
        SharedBytes += int.Parse(match.Groups["count"].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"//[^\n]*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"\.entry\s+\w+\((?<parameters>[^)]*)\)\s*\{")]
    private static partial Regex Entry();

    [GeneratedRegex(@"\.param\s+(\.align\s+(?<align>\d+)\s+)?\.[bfsu](?<bits>\d+)\s+(?<name>\w+)(\[(?<count>\d+)\])?")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"\.shared\s+\.align\s+(?<align>\d+)\s+\.b8\s+(?<name>\w+)\[(?<count>\d+)\]")]
    private static partial Regex SharedArray();
}

/// <summary>One instruction.</summary>
/// <param name="Guard">The predicate that it depends on, null for none.</param>
/// <param name="GuardValue">What the predicate must be.</param>
/// <param name="Opcode">Its name with its modifiers, between dots.</param>
/// <param name="Operands">As they are written, lists in braces as one.</param>
internal sealed record PtxInstruction(string? Guard, bool GuardValue, string Opcode, IReadOnlyList<string> Operands)
{
    public static PtxInstruction Parse(string statement)
    {
        string? guard = null;
        var value = true;
        if (statement[0] == '@')
        {
            var end = statement.IndexOf(' ', StringComparison.Ordinal);
            value = statement[1] != '!';
            guard = statement[(value ? 1 : 2)..end];
            statement = statement[end..].Trim();
        }

        var space = statement.IndexOfAny([' ', '\t']);
        return space < 0 ? new(guard, value, statement, []) : new(guard, value, statement[..space], [.. Split(statement[space..])]);
    }

    private static IEnumerable<string> Split(string operands)
    {
        var (start, depth) = (0, 0);
        for (var i = 0; i <= operands.Length; i++)
        {
            if (i == operands.Length || operands[i] == ',' && depth == 0)
            {
                yield return operands[start..i].Trim();
                start = i + 1;
            }
            else if (operands[i] is '{' or '[') depth++;
            else if (operands[i] is '}' or ']') depth--;
        }
    }
}
