using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using QLora.Gpu.Kernels;

namespace QLora.Tests.Backends.Gpu;

/// <summary>
/// Every kernel as PTX, compiled without a GPU. That the text assembles and runs is not tested here; what is known to keep it from doing so is looked for. The
/// texts are left beside the tests, in <c>ptx</c>.
/// </summary>
public sealed class PtxTests : IDisposable
{
    // What a group may have on every NVIDIA GPU without asking for more.
    private const int LargestGroupMemory = 48 << 10;

    private readonly Context _context = Context.Create(builder => builder.EnableAlgorithms().Optimize(OptimizationLevel.O2).Inlining(InliningMode.Aggressive));

    public static TheoryData<int, int> Architectures => new() { { 8, 0 }, { 9, 0 } };

    [Theory, MemberData(nameof(Architectures))]
    public void Every_kernel_compiles_to_text_without_calls_and_without_local_memory(int major, int minor)
    {
        var folder = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "ptx", $"sm_{major}{minor}"));
        using var backend = new PTXBackend(_context, new CudaArchitecture(major, minor), CudaInstructionSet.ISA_71, null!);
        var kernels = Kernels().ToList();
        Assert.NotEmpty(kernels);
        foreach (var kernel in kernels)
        {
            var name = NameOf(kernel);
            var text = ((PTXCompiledKernel)backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(kernel), KernelSpecialization.Empty)).PTXAssembly;
            File.WriteAllText(Path.Combine(folder.FullName, name + ".ptx"), text);
            Assert.False(text.Contains(".extern", StringComparison.Ordinal), $"{name} calls what is not there");
            Assert.False(Regex.IsMatch(text, @"\b(ld|st)\.local"), $"{name} keeps variables in local memory");
            Assert.True(!text.Contains($"__shared_alloca0[{Tile.Length * sizeof(float)}]", StringComparison.Ordinal) || text.Contains("ld.shared.v4.f32", StringComparison.Ordinal), $"{name} reads its tiles one number at a time");
            var groupMemory = Regex.Matches(text, @"\.shared .*\[(\d+)\]").Sum(match => int.Parse(match.Groups[1].Value, null));
            Assert.True(groupMemory <= LargestGroupMemory, $"{name} takes {groupMemory} bytes of a group's memory");
        }
    }

    public void Dispose() => _context.Dispose();

    /// <summary>Every kernel with the types that it is launched with, all activations of one type.</summary>
    private static IEnumerable<MethodInfo> Kernels() =>
        from type in typeof(F32).Assembly.GetTypes()
        where type.Namespace == typeof(F32).Namespace && type.Name.EndsWith("Kernels", StringComparison.Ordinal)
        from method in type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
        from kernel in Closed(method)
        select kernel;

    private static IEnumerable<MethodInfo> Closed(MethodInfo method)
    {
        if (!method.IsGenericMethod) return [method];
        var parameters = method.GetGenericArguments();
        var elements = new[] { typeof(F32), typeof(BF16) };
        var readers = parameters.Any(IsReader)
            ? [typeof(DenseReader<F32>), typeof(DenseReader<BF16>), typeof(DenseReader<F16>), typeof(Q8Reader), typeof(QuantizedReader<PlainScales>), typeof(QuantizedReader<NestedScales>)]
            : new[] { typeof(void) };
        if (parameters.All(IsReader)) elements = [typeof(void)];
        return
            from element in elements
            from reader in readers
            select method.MakeGenericMethod(Array.ConvertAll(parameters, parameter => IsReader(parameter) ? reader : element));
    }

    private static bool IsReader(Type parameter) => parameter.GetGenericParameterConstraints().Contains(typeof(IWeightReader));

    private static string NameOf(MethodInfo method)
    {
        var types = method.IsGenericMethod ? method.GetGenericArguments().SelectMany(type => type.GetGenericArguments().Prepend(type)).Select(type => type.Name.Split('`')[0]) : [];
        return string.Join('-', types.Prepend($"{method.DeclaringType!.Name.Replace("Kernels", "", StringComparison.Ordinal)}.{method.Name}"));
    }
}
