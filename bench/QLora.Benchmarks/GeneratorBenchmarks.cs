using BenchmarkDotNet.Attributes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using QLora.Generators;

namespace QLora.Benchmarks;

/// <summary>
/// The generator on declared models of Llama's size: a first run, and a keystroke in the body of a method, which changes no declaration. Files are parsed already, but no symbol
/// is bound: each run has a compilation of its own, as in an editor. What the driver itself counts as the generator's time is printed after each case.
/// </summary>
[MemoryDiagnoser]
public class GeneratorBenchmarks
{
    private const int Runs = 100;

    private CSharpCompilation _compilation = null!;
    private SyntaxTree _edited = null!;
    private GeneratorDriver _driver = null!;

    /// <summary>How many models the project declares.</summary>
    [Params(1, 100)]
    public int Models { get; set; }

    /// <summary>Parses the files and runs the generator once.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _compilation = DeclaredModels.Compilation(Models);
        _edited = DeclaredModels.Edited(_compilation);
        _driver = NewDriver().RunGenerators(_compilation.Clone());
        var result = _driver.GetRunResult();
        if (result.GeneratedTrees.Length != 2 * Models || result.Diagnostics.Length > 0) throw new InvalidOperationException("the models are not declared as they should be");
    }

    /// <summary>A new driver's first run.</summary>
    [Benchmark]
    public GeneratorDriver Cold() => NewDriver().RunGenerators(_compilation.Clone());

    /// <summary>A run on the compilation that an edit made, with what the driver kept.</summary>
    [Benchmark]
    public GeneratorDriver Keystroke() => _driver.RunGenerators(Edit());

    /// <summary>What the compiler does in any case: the attributes of all declared classes and properties are bound, without a generator.</summary>
    [Benchmark]
    public int BindingAlone() => Bind(Edit());

    /// <summary>Prints the driver's own measurement; on a compilation that is bound already, what is left is the generator's own work.</summary>
    [GlobalCleanup]
    public void PrintTimes()
    {
        var (cold, keystroke, bound) = (Median(() => Cold()), Median(() => Keystroke()), Median(() =>
        {
            var compilation = Edit();
            Bind(compilation);
            return _driver.RunGenerators(compilation);
        }));
        Console.WriteLine($"// the driver's timing of {Models} models, median of {Runs}: cold {cold:F3} ms, a keystroke {keystroke:F3} ms, {bound:F3} ms of it when attributes are bound already");
    }

    private CSharpCompilation Edit() => _compilation.ReplaceSyntaxTree(_compilation.SyntaxTrees[0], _edited);

    private static int Bind(CSharpCompilation compilation)
    {
        var types = compilation.GlobalNamespace.GetNamespaceMembers().Single(name => name.Name == "Declared").GetNamespaceMembers().SelectMany(family => family.GetTypeMembers());
        return types.Sum(type => type.GetAttributes().Sum(Arguments) + type.GetMembers().OfType<IPropertySymbol>().Sum(property => property.GetAttributes().Sum(Arguments)));
    }

    private static int Arguments(AttributeData attribute) => attribute.ConstructorArguments.Length + attribute.NamedArguments.Length;

    private static double Median(Func<GeneratorDriver> run)
        => Enumerable.Range(0, Runs).Select(_ => run().GetTimingInfo().GeneratorTimes.Single().ElapsedTime.TotalMilliseconds).Order().ElementAt(Runs / 2);

    private static GeneratorDriver NewDriver() => CSharpGeneratorDriver.Create([new ModelGenerator().AsSourceGenerator()], parseOptions: DeclaredModels.ParseOptions);
}
