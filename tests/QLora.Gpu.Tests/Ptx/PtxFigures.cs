namespace QLora.Tests.Backends.Gpu.Ptx;

/// <summary>
/// What a kernel takes, from its text. Registers are those of the text, of which there is a new one for nearly every instruction: how many a lane occupies at a time, only the
/// assembler knows (<c>ptxas -v</c>). Those that inline PTX names are in use as long as the kernel runs.
/// </summary>
internal sealed record PtxFigures(int SharedBytes, IReadOnlyDictionary<string, int> Registers, int NamedRegisters, IReadOnlyDictionary<string, int> Instructions)
{
    private static readonly string[] Classes = ["%p", "%rs", "%r", "%rd", "%f", "%fd"];

    /// <summary>The head of a table.</summary>
    public static string Header =>
        "| kernel | shared bytes | " + string.Join(" | ", Classes) + " | named | instructions | barriers | mma.sync | ldmatrix | 128-bit global |\n|---|" + string.Concat(Enumerable.Repeat("---:|", Classes.Length + 7));

    /// <exception cref="FormatException">Something in the text is not understood.</exception>
    public static PtxFigures Of(string text)
    {
        var program = new PtxProgram(text);
        return new PtxFigures(
            program.SharedBytes,
            program.RegisterNames.Where(name => name[0] == '%').CountBy(name => name.TrimEnd([.. "0123456789"])).ToDictionary(),
            program.RegisterNames.Count(name => name[0] != '%'),
            program.Instructions.CountBy(instruction => instruction.Opcode).ToDictionary());
    }

    /// <summary>How often an instruction stands in the text.</summary>
    public int Count(string opcode) => Instructions.GetValueOrDefault(opcode);

    /// <summary>The row of the table.</summary>
    public string Row(string name)
    {
        var registers = string.Join(" | ", Classes.Select(kind => Registers.GetValueOrDefault(kind)));
        return $"| {name} | {SharedBytes} | {registers} | {NamedRegisters} | {Instructions.Values.Sum()} | {Sum("bar.")} | {Sum("mma.")} | {Sum("ldmatrix.")} | {Sum("ld.global.v4") + Sum("st.global.v4")} |";
    }

    private int Sum(string prefix) => Instructions.Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal)).Sum(pair => pair.Value);
}
