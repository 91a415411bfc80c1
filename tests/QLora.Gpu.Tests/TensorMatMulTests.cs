using System.Runtime.InteropServices;
using QLora.Backends;
using QLora.Backends.Reference;
using QLora.Gpu;
using QLora.Gpu.Kernels;
using QLora.Quantization;
using QLora.Tensors;
using QLora.Tests.Backends.Gpu.Ptx;

namespace QLora.Tests.Backends.Gpu;

/// <summary>
/// Products on tensor cores, which no device here has: the PTX of the kernel, as a GPU would get it, is run an instruction at a time and compared with the reference backend.
/// What that shows is as good as the reading of the PTX ISA that <see cref="PtxMatrix"/> is.
/// </summary>
public sealed class TensorMatMulTests : IDisposable
{
    // See MatMul4BitTests: a weight, a branch and a result of BFloat16.
    private const double Tolerance = 0.007 + 1.0 / 512;

    private static readonly PtxCompiler Compiler = new(8, 0);

    private readonly Backend _reference = new ReferenceBackend();
    private readonly Workspace _workspace;

    public TensorMatMulTests() => _workspace = new Workspace(_reference);

    /// <summary>Type, m, out, in, block size, double quantisation, rank: tiles that are not full in any direction, several tiles, several stages, ranks that are no runs.</summary>
    public static TheoryData<QuantizationType, int, int, int, int, bool, int> Cases => new()
    {
        { QuantizationType.Nf4, 1, 16, 16, 64, false, 0 },
        { QuantizationType.Nf4, 128, 128, 32, 64, true, 16 },
        { QuantizationType.Nf4, 130, 144, 80, 16, true, 5 },
        { QuantizationType.Fp4, 70, 272, 112, 32, false, 40 },
        { QuantizationType.Nf4, 33, 96, 336, 128, true, 0 },
    };

    [Theory, MemberData(nameof(Cases))]
    public void Of_a_4_bit_weight(QuantizationType type, int m, int rows, int columns, int blockSize, bool doubleQuantization, int rank)
    {
        var weight = _workspace.Quantize(Values.Normal(1, rows, columns), type, blockSize, doubleQuantization);
        foreach (var transpose in new[] { true, false })
        {
            var (k, n) = transpose ? (columns, rows) : (rows, columns);
            var x = _workspace.UploadBFloat16(Values.Normal(2, m, k));
            LowRankBranch? branch = rank == 0
                ? null
                : new LowRankBranch(_workspace.Upload(Values.Normal(3, m, rank)), _workspace.Upload(transpose ? Values.Normal(4, n, rank) : Values.Normal(4, rank, n)));
            foreach (var beta in new[] { 0, -0.5f })
            {
                var old = Values.Normal(5, m, n).Times(beta == 0 ? float.NaN : 1);
                var (expected, actual) = (_workspace.UploadBFloat16(old), _workspace.UploadBFloat16(old));
                _reference.MatMul4Bit(x, weight, expected, transpose, beta, branch);
                Run(doubleQuantization ? typeof(QuantizedRuns<NestedScales>) : typeof(QuantizedRuns<PlainScales>), memory => Add(memory, weight), x, actual, k, transpose, beta, branch);
                Close.Check($"transpose {transpose}, beta {beta}", _workspace.Read(expected).Data, _workspace.Read(actual).Data, Tolerance);
            }
        }
    }

    /// <summary>Type, m, n, k, whether the weight is (n, k).</summary>
    public static TheoryData<DType, int, int, int, bool> DenseCases => new()
    {
        { DType.BFloat16, 130, 144, 80, true },
        { DType.BFloat16, 130, 144, 80, false },
        { DType.BFloat16, 17, 16, 256, true },
        { DType.BFloat16, 128, 256, 64, false },
        { DType.Float32, 40, 144, 80, true },
        { DType.Float32, 40, 144, 80, false },
        { DType.Float16, 40, 48, 96, true },
        { DType.Float16, 40, 48, 96, false },
        { DType.Q8, 40, 48, 96, true },
        { DType.Q8, 40, 64, 96, false },
    };

    [Theory, MemberData(nameof(DenseCases))]
    public void Of_a_dense_weight(DType type, int m, int n, int k, bool transpose)
    {
        var x = _workspace.UploadBFloat16(Values.Normal(2, m, k));
        var (weight, reader, elementSize) = Dense(type, transpose ? Values.Normal(1, n, k) : Values.Normal(1, k, n));
        foreach (var single in new[] { true, false })
        {
            var old = Values.Normal(5, m, n);
            var (expected, actual) = single ? (_workspace.Upload(old), _workspace.Upload(old)) : (_workspace.UploadBFloat16(old), _workspace.UploadBFloat16(old));
            _reference.MatMul(x, weight, expected, transposeB: transpose, beta: 1);
            Run(reader, arguments => arguments.View(weight, elementSize), x, actual, k, transpose, beta: 1, branch: null);

            // Products of numbers of BFloat16 are exact, and sums in single precision; but two that are as close may be rounded to neighbours, a unit apart. Numbers of Q8 are rounded.
            var exact = single ? 1e-5 : 1.0 / 128;
            Close.Check($"single {single}", _workspace.Read(expected).Data, _workspace.Read(actual).Data, type == DType.Q8 ? Math.Max(exact, Tolerance) : exact);
        }
    }

    /// <summary>A weight with what reads it; its numbers are of BFloat16, but for those of Q8.</summary>
    private (Tensor Weight, Type Reader, int ElementSize) Dense(DType type, Values values)
    {
        var rounded = Array.ConvertAll(values.Data, BFloat16.Round);
        return type switch
        {
            DType.BFloat16 => (_workspace.UploadBFloat16(values), typeof(RoundedRuns), 2),
            DType.Float32 => (_workspace.Upload<float>(values.Shape, type, Array.ConvertAll(rounded, BFloat16.Widen)), typeof(SingleRuns), 4),
            DType.Float16 => (_workspace.Upload<Half>(values.Shape, type, Array.ConvertAll(rounded, bits => (Half)BFloat16.Widen(bits))), typeof(LooseRuns<DenseReader<F16>>), 2),
            _ => (_workspace.Upload<Q8Block>(values.Shape, type, Values.Q8Blocks(1, values.Data.Length / Q8Block.Count)), typeof(LooseRuns<Q8Reader>), 1),
        };
    }

    /// <summary>OpenCL leaves out what inline PTX does, and with it the result; but the kernels are found, compiled and launched with the parameters of a GPU.</summary>
    [Fact]
    public void It_is_launched_with_every_type()
    {
        if (GpuDevices.List().All(info => info.Name != "opencl:0")) Assert.Skip("no OpenCL device was found");
        using var device = GpuDevice.Open("opencl:0");
        using var backend = new GpuBackend(device) { Products = new ProductChoice(TensorCores: true, double.PositiveInfinity, LargestScratch: 0) };
        using var workspace = new Workspace(backend);
        var x = workspace.UploadBFloat16(Values.Normal(2, 48, 96));
        foreach (var transpose in new[] { true, false })
        {
            foreach (var type in new[] { DType.Float32, DType.BFloat16, DType.Float16, DType.Q8 })
            {
                var shape = transpose ? new Shape(64, 96) : new Shape(96, 64);
                using var weight = backend.Allocate(shape, type);
                backend.MatMul(x, weight, workspace.Fresh(48, 64), transposeB: transpose);
                backend.MatMul(x, weight, workspace.FreshBFloat16(48, 64), transposeB: transpose);
            }

            foreach (var doubleQuantization in new[] { true, false })
            {
                var weight = workspace.Quantize(transpose ? Values.Normal(1, 64, 96) : Values.Normal(1, 96, 64), QuantizationType.Nf4, 64, doubleQuantization);
                backend.MatMul4Bit(x, weight, workspace.FreshBFloat16(48, 64), transpose);
            }
        }

        workspace.CheckGuards();
    }

    /// <summary>Without the kernel's barriers its lanes race, which is found out, although they run one after another here.</summary>
    [Fact]
    public void Barriers_keep_lanes_apart()
    {
        var kernel = PtxKernels.TensorMatMul(typeof(RoundedRuns), typeof(TensorTile.AlongInner), typeof(FourF32));
        var text = Compiler.Compile(kernel);
        Assert.Throws<InvalidOperationException>(() => RunOnOnes(text.Replace("bar.sync\t0;", "", StringComparison.Ordinal)));
        RunOnOnes(text);

        static void RunOnOnes(string text)
        {
            var memory = new PtxMemory();
            var ones = MemoryMarshal.AsBytes<ushort>([.. Enumerable.Repeat<ushort>(0x3F80, 16 * 96)]).ToArray();
            var result = new byte[16 * 16 * sizeof(float)];
            var arguments = new PtxArguments(memory).View(ones, 2).View(ones, 2).Add(16, 16, 96, 96, 1, 1, 96).Align(8).Add(0L, 0L, 0L, 0L).Add(0, 0, 0, 0, 0, 0, 0);
            new PtxMachine(new PtxProgram(text), memory, arguments.View(result, 16).Add(0f).Bytes).Run(1, 1, TensorTile.Lanes);
            Assert.All(MemoryMarshal.Cast<byte, float>(result).ToArray(), sum => Assert.Equal(96, sum));
        }
    }

    public void Dispose()
    {
        _workspace.Dispose();
        _reference.Dispose();
    }

    /// <summary>Runs the kernel as it would be launched, and copies its result back.</summary>
    private static void Run(Type reader, Action<PtxArguments> addWeight, Tensor x, Tensor y, int k, bool transpose, float beta, LowRankBranch? branch)
    {
        var single = y.DType == DType.Float32;
        var order = transpose ? typeof(TensorTile.AlongInner) : typeof(TensorTile.AcrossInner);
        var program = new PtxProgram(Compiler.Compile(PtxKernels.TensorMatMul(reader, order, single ? typeof(FourF32) : typeof(FourBF16))));
        var memory = new PtxMemory();
        var arguments = new PtxArguments(memory);
        arguments.View(x, 2);
        addWeight(arguments);
        AddShape(arguments, y, k, transpose);
        if (branch is { } added)
        {
            arguments.View(added.U, 4).View(added.V, 4);
            AddShape(arguments, y, added.U.Columns, transpose);
        }
        else
        {
            arguments.Add(0L, 0L, 0L, 0L).Add(0, 0, 0, 0, 0, 0, 0);
        }

        var result = PtxArguments.BytesOf(y).ToArray();
        arguments.View(result, single ? 16 : 8).Add(beta);
        new PtxMachine(program, memory, arguments.Bytes).Run(
            (y.Columns + TensorTile.Size - 1) / TensorTile.Size, (y.Rows + TensorTile.Size - 1) / TensorTile.Size, TensorTile.Lanes);
        result.CopyTo(PtxArguments.BytesOf(y));
    }

    private static void Add(PtxArguments arguments, QuantizedTensor weight)
    {
        var codebook = MemoryMarshal.AsBytes<float>(Codebook.Of(weight.Type).Values).ToArray();
        arguments.View(weight.Codes, 1).View(codebook, 4).View(weight.AbsMax, weight.Nested is null ? 4 : 1);
        if (weight.Nested is { } nested) arguments.View(nested.Code, 4).View(nested.AbsMax, 4).Add(nested.Offset).Add(int.Log2(nested.BlockSize)).Add(1f).Align(8);
        arguments.Add(int.Log2(weight.BlockSize)).Align(8);
    }

    private static void AddShape(PtxArguments arguments, Tensor y, int k, bool transpose) =>
        arguments.Add(y.Rows, y.Columns, k, k, 1, transpose ? 1 : y.Columns, transpose ? k : 1);
}
