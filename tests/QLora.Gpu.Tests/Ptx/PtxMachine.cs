using System.Globalization;

namespace QLora.Tests.Backends.Gpu.Ptx;

/// <summary>
/// Runs a kernel's PTX, one group after another and in each one lane after another up to where lanes meet: at a barrier, or at an instruction of a whole warp. It knows
/// the instructions that ILGPU makes of the products, and refuses others.
/// </summary>
internal sealed class PtxMachine
{
    private readonly PtxProgram _program;
    private readonly PtxMemory _memory;
    private readonly byte[] _parameters;
    private readonly Step[] _steps;
    private PtxSharedMemory _shared = null!;
    private (int X, int Y) _group;
    private int _lanes;

    public PtxMachine(PtxProgram program, PtxMemory memory, byte[] parameters)
    {
        if (parameters.Length != program.ParameterBytes) throw new ArgumentException($"{parameters.Length} bytes of parameters; expected {program.ParameterBytes}", nameof(parameters));
        (_program, _memory, _parameters) = (program, memory, parameters);
        _steps = [.. program.Instructions.Select(Compile)];
    }

    private enum Meeting { None, Warp, Group }

    /// <summary>Runs all groups of a grid.</summary>
    public void Run(int groupsX, int groupsY, int lanes)
    {
        _lanes = lanes;
        for (var y = 0; y < groupsY; y++)
        {
            for (var x = 0; x < groupsX; x++)
            {
                _group = (x, y);
                _shared = new PtxSharedMemory(_program.SharedBytes);
                RunGroup([.. Enumerable.Range(0, lanes).Select(lane => new PtxLane(lane, _program.Registers))]);
            }
        }
    }

    private void RunGroup(PtxLane[] lanes)
    {
        var warps = lanes.Chunk(32).ToArray();
        while (true)
        {
            foreach (var warp in warps) RunWarp(warp);
            if (lanes.All(lane => lane.Next < 0)) return;
            if (lanes.Any(lane => lane.Next != lanes[0].Next)) throw new InvalidOperationException("not all lanes come to the same barrier");
            _shared.Barrier();
            foreach (var lane in lanes) lane.Next++;
        }
    }

    /// <summary>Up to the next barrier.</summary>
    private void RunWarp(PtxLane[] warp)
    {
        while (true)
        {
            foreach (var lane in warp)
            {
                while (lane.Next >= 0 && _steps[lane.Next].Meeting == Meeting.None) _steps[lane.Next].Run(lane);
            }

            var next = warp[0].Next;
            if (warp.Any(lane => lane.Next != next)) throw new InvalidOperationException("the lanes of a warp are not at the same instruction");
            if (next < 0 || _steps[next].Meeting == Meeting.Group) return;
            _steps[next].RunWarp(warp);
            foreach (var lane in warp) lane.Next++;
        }
    }

    private Step Compile(PtxInstruction instruction)
    {
        var parts = instruction.Opcode.Split('.');
        switch (parts[0])
        {
            case "bar": return new Step { Meeting = Meeting.Group };
            case "ldmatrix": return CompileLoadMatrix(instruction, parts);
            case "mma": return CompileMultiplyAdd(instruction);
        }

        var body = CompileBody(instruction, parts);
        if (instruction.Guard is null) return new Step { Run = body };
        var guard = _program.Register(instruction.Guard);
        return new Step
        {
            Run = lane =>
            {
                if (lane[guard] != 0 == instruction.GuardValue) body(lane);
                else lane.Next++;
            },
        };
    }

    private Step CompileLoadMatrix(PtxInstruction instruction, string[] parts)
    {
        if (parts is not ["ldmatrix", "sync", "aligned", "m8n8", "x4", .., "shared", "b16"]) throw Unknown(instruction);
        var registers = List(instruction.Operands[0]);
        var address = Address(instruction.Operands[1]);
        var transposed = parts.Contains("trans");
        return new Step { Meeting = Meeting.Warp, RunWarp = warp => PtxMatrix.Load(warp, registers, address, transposed, _shared) };
    }

    private Step CompileMultiplyAdd(PtxInstruction instruction)
    {
        if (instruction.Opcode != "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32") throw Unknown(instruction);
        var operands = instruction.Operands.Select(List).ToArray();
        if (operands is not [{ Length: 4 }, { Length: 4 }, { Length: 2 }, { Length: 4 }]) throw Unknown(instruction);
        return new Step { Meeting = Meeting.Warp, RunWarp = warp => PtxMatrix.MultiplyAdd(warp, operands[0], operands[1], operands[2], operands[3]) };
    }

    private Action<PtxLane> CompileBody(PtxInstruction instruction, string[] parts)
    {
        var operands = instruction.Operands;
        switch (parts[0])
        {
            case "ret": return lane => lane.Next = -1;
            case "bra":
                var target = _program.Label(operands[0]);
                return lane => lane.Next = target;
            case "ld": return CompileLoad(instruction, parts);
            case "st": return CompileStore(instruction, parts);
        }

        var destination = _program.Register(operands[0]);
        var values = operands.Skip(1).Select(Value).ToArray();
        var compute = PtxArithmetic.Of(parts, instruction.Opcode);
        return lane =>
        {
            lane[destination] = compute(values[0](lane), values.Length > 1 ? values[1](lane) : 0, values.Length > 2 ? values[2](lane) : 0);
            lane.Next++;
        };
    }

    private Action<PtxLane> CompileLoad(PtxInstruction instruction, string[] parts)
    {
        var registers = List(instruction.Operands[0]);
        var address = Address(instruction.Operands[1]);
        var size = PtxArithmetic.Bits(parts[^1]) / 8;
        var space = parts[1];
        if (space is not ("param" or "global" or "shared")) throw Unknown(instruction);
        return lane =>
        {
            var at = address(lane);
            var bytes = space switch
            {
                "param" => _parameters.AsSpan((int)at, size),
                "global" => _memory.At(at, size * registers.Length),
                _ => _shared.Read(at, size * registers.Length, lane.Index),
            };
            for (var i = 0; i < registers.Length; i++) lane[registers[i]] = PtxBits.Read(bytes.Slice(i * size, size));
            lane.Next++;
        };
    }

    private Action<PtxLane> CompileStore(PtxInstruction instruction, string[] parts)
    {
        var address = Address(instruction.Operands[0]);
        var registers = List(instruction.Operands[1]);
        var size = PtxArithmetic.Bits(parts[^1]) / 8;
        var space = parts[1];
        if (space is not ("global" or "shared")) throw Unknown(instruction);
        return lane =>
        {
            var at = address(lane);
            var bytes = space == "global" ? _memory.At(at, size * registers.Length) : _shared.Write(at, size * registers.Length, lane.Index);
            for (var i = 0; i < registers.Length; i++) PtxBits.Write(bytes.Slice(i * size, size), lane[registers[i]]);
            lane.Next++;
        };
    }

    /// <summary>The registers of a list in braces, or the only one.</summary>
    private int[] List(string operand) => [.. operand.Trim('{', '}').Split(',').Select(name => _program.Register(name.Trim()))];

    /// <summary>What is between brackets: a register or a name, and a number.</summary>
    private Func<PtxLane, ulong> Address(string operand)
    {
        var parts = operand.Trim('[', ']').Split('+');
        var offset = parts.Length > 1 ? ulong.Parse(parts[1], CultureInfo.InvariantCulture) : 0;
        var start = Value(parts[0]);
        return lane => start(lane) + offset;
    }

    private Func<PtxLane, ulong> Value(string operand)
    {
        switch (operand)
        {
            case "%tid.x": return lane => (ulong)lane.Index;
            case "%ntid.x": return _ => (ulong)_lanes;
            case "%ctaid.x": return _ => (ulong)_group.X;
            case "%ctaid.y": return _ => (ulong)_group.Y;
        }

        if (_program.Address(operand) is { } address) return _ => (ulong)address;
        if (operand.StartsWith("0f", StringComparison.Ordinal))
        {
            var bits = ulong.Parse(operand.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            return _ => bits;
        }

        if (long.TryParse(operand, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) return _ => (ulong)number;
        var register = _program.Register(operand);
        return lane => lane[register];
    }

    private static FormatException Unknown(PtxInstruction instruction) => new($"the instruction {instruction.Opcode} is not known here");

    private sealed class Step
    {
        public Meeting Meeting { get; init; }

        public Action<PtxLane> Run { get; init; } = null!;

        public Action<PtxLane[]> RunWarp { get; init; } = null!;
    }
}
