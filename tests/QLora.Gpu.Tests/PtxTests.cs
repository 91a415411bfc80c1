using System.Reflection;
using System.Text.RegularExpressions;
using QLora.Gpu.Kernels;
using QLora.Tests.Backends.Gpu.Ptx;

namespace QLora.Tests.Backends.Gpu;

/// <summary>
/// Every kernel as PTX, compiled without a GPU. That the text assembles and runs is not tested here; what is known to keep it from doing so is looked for. The
/// texts are left beside the tests, in <c>ptx</c>, with a table of what each kernel takes.
/// </summary>
public sealed class PtxTests
{
    // What a group may have on every NVIDIA GPU without asking for more.
    private const int LargestGroupMemory = 48 << 10;

    // A multiprocessor of compute capability 8.6 or 8.9 has 100 KB; with two groups, one multiplies while the other waits.
    private const int LargestGroupMemoryOfTwo = 50 << 10;

    // All that the assembler can give a lane, less what addresses and loaded runs take at a time: the sums and fragments of the inline PTX, which live as long as the kernel.
    private const int MostNamedRegisters = 128;

    public static TheoryData<int, int> Architectures => new() { { 8, 0 }, { 9, 0 } };

    [Theory, MemberData(nameof(Architectures))]
    public void Every_kernel_compiles_to_text_without_calls_and_without_local_memory(int major, int minor)
    {
        var folder = new DirectoryInfo(Path.Combine(AppContext.BaseDirectory, "ptx", $"sm_{major}{minor}"));
        if (folder.Exists) folder.Delete(recursive: true);
        folder.Create();
        using var compiler = new PtxCompiler(major, minor);
        var kernels = PtxKernels.All().ToList();
        Assert.NotEmpty(kernels);
        var table = new List<string> { PtxFigures.Header };
        foreach (var kernel in kernels)
        {
            var name = PtxKernels.NameOf(kernel);
            var text = compiler.Compile(kernel);
            File.WriteAllText(Path.Combine(folder.FullName, name + ".ptx"), text);
            var figures = PtxFigures.Of(text);
            table.Add(figures.Row(name));
            Assert.False(text.Contains(".extern", StringComparison.Ordinal), $"{name} calls what is not there");
            Assert.False(Regex.IsMatch(text, @"\b(ld|st)\.local"), $"{name} keeps variables in local memory");
            Assert.True(figures.SharedBytes <= LargestGroupMemory, $"{name} takes {figures.SharedBytes} bytes of a group's memory");
            if (kernel.DeclaringType == typeof(TensorMatMulKernels)) CheckTensorCores(kernel, name, figures);
            else if (kernel.Name == nameof(MatMulKernels.MatMul)) CheckTiles(kernel, figures);
            else if (text.Contains($"__shared_alloca0[{Tile.Length * sizeof(float)}]", StringComparison.Ordinal)) Assert.True(figures.Count("ld.shared.v4.f32") > 0, $"{name} reads its tiles one number at a time");
        }

        File.WriteAllLines(Path.Combine(folder.FullName, "kernels.md"), table);
    }

    /// <summary>Whole runs of the operands are loaded 16 bytes at a time, two or four times in the one loop that the product has; codes 8. Tiles are read 16 bytes at a time: of a left and a right one in two loops.</summary>
    private static void CheckTiles(MethodInfo kernel, PtxFigures figures)
    {
        var readers = kernel.GetGenericArguments().Where((_, i) => i is 0 or 2).ToList();
        Assert.Equal(4 * readers.Count(reader => reader == typeof(SingleRuns)), figures.Count("ld.global.v4.f32"));
        Assert.Equal(2 * readers.Count(reader => reader == typeof(RoundedRuns)), figures.Count("ld.global.v4.b32"));
        Assert.Equal(readers[1].Name.StartsWith(nameof(QuantizedRuns<PlainScales>), StringComparison.Ordinal) ? 1 : 0, figures.Count("ld.global.v2.b32"));
        Assert.Equal(2 * 2, figures.Count("ld.shared.v4.f32"));
    }

    /// <summary>
    /// Two loops, of the product and of its branch, each with two instructions' worth of the inner index: 4 × 4 of 16 × 8, for which a warp loads four left fragments and two pairs
    /// of right ones. Operands of bfloat16 are loaded 16 bytes at a time, codes 8 (sixteen of them), before the loop and in it; all are stored 16 bytes at a time.
    /// </summary>
    private static void CheckTensorCores(MethodInfo kernel, string name, PtxFigures figures)
    {
        var arguments = kernel.GetGenericArguments();
        var rounded = arguments[0] == typeof(RoundedRuns);
        var across = arguments[2] == typeof(TensorTile.AcrossInner);
        Assert.Equal(2 * 2 * 16, figures.Count("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"));
        Assert.Equal(2 * 2 * (across ? 4 : 6), figures.Count("ldmatrix.sync.aligned.m8n8.x4.shared.b16"));
        Assert.Equal(across ? 2 * 2 * 2 : 0, figures.Count("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16"));
        Assert.Equal(2 * (rounded ? 4 : 2), figures.Count("ld.global.v4.b32"));
        if (arguments[0] == typeof(SingleRuns)) Assert.Equal(2 * 4, figures.Count("ld.global.v4.f32") - (arguments[3] == typeof(FourF32) ? 1 : 0));
        Assert.Equal(2 * 8, figures.Count("st.shared.v4.b32"));
        if (arguments[1] == typeof(QuantizedRun)) Assert.True(figures.Count("ld.global.v2.b32") >= 2, $"{name} reads its codes a byte at a time");
        Assert.True(figures.SharedBytes <= LargestGroupMemoryOfTwo, $"{name} takes {figures.SharedBytes} bytes of a group's memory, too many for two groups");
        Assert.True(figures.NamedRegisters <= MostNamedRegisters, $"{name} names {figures.NamedRegisters} registers");
    }
}
