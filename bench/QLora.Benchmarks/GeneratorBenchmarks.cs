using System.Diagnostics;
using BenchmarkDotNet.Attributes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using QLora.Generators;

namespace QLora.Benchmarks;

/// <summary>
/// The generator on declared models of Llama's size: a first run, and keystrokes. Files are parsed already, as an editor does for itself, but no symbol is bound: each run has a
/// compilation of its own. What the driver itself counts as the generator's time is printed after each case, with a newly parsed file for every keystroke.
/// </summary>
[MemoryDiagnoser]
public class GeneratorBenchmarks
{
    private const int Runs = 100;

    private CSharpCompilation _compilation = null!;
    private GeneratorDriver _driver = null!;
    private SyntaxTree _own = null!, _other = null!, _member = null!;

    /// <summary>How many models the project declares.</summary>
    [Params(1, 100)]
    public int Models { get; set; }

    /// <summary>Parses the files and runs the generator once.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _compilation = DeclaredModels.Compilation(Models);
        (_own, _other, _member) = (DeclaredModels.TypeInBody(_compilation), DeclaredModels.TypeElsewhere(_compilation), DeclaredModels.TypeMember(_compilation));
        _driver = NewDriver().RunGenerators(_compilation.Clone());
        var result = _driver.GetRunResult();
        if (result.GeneratedTrees.Length != 2 * Models || result.Diagnostics.Length > 0) throw new InvalidOperationException("the models are not declared as they should be");
    }

    /// <summary>A new driver's first run.</summary>
    [Benchmark]
    public GeneratorDriver Cold() => NewDriver().RunGenerators(_compilation.Clone());

    /// <summary>A keystroke in a method's body, in a file that declares nothing.</summary>
    [Benchmark]
    public GeneratorDriver KeystrokeElsewhere() => _driver.RunGenerators(DeclaredModels.With(_compilation, _other));

    /// <summary>A keystroke in a method's body, in the file of a declared model.</summary>
    [Benchmark]
    public GeneratorDriver KeystrokeInModel() => _driver.RunGenerators(DeclaredModels.With(_compilation, _own));

    /// <summary>A keystroke in a member's name, which can change what any name in the project means.</summary>
    [Benchmark]
    public GeneratorDriver KeystrokeInMember() => _driver.RunGenerators(DeclaredModels.With(_compilation, _member));

    /// <summary>What the compiler does in any case: the attributes of all declared classes and properties are bound, without a generator.</summary>
    [Benchmark]
    public int BindingAlone() => Bind(DeclaredModels.With(_compilation, _member));

    /// <summary>Prints the driver's own measurement; on a compilation that is bound already, what is left is the generator's own work.</summary>
    [GlobalCleanup]
    public void PrintTimes()
    {
        Print("cold", NewDriver, () => _compilation.Clone());
        Print("keystroke elsewhere", () => _driver, () => DeclaredModels.With(_compilation, DeclaredModels.TypeElsewhere(_compilation)));
        Print("keystroke in a model", () => _driver, () => DeclaredModels.With(_compilation, DeclaredModels.TypeInBody(_compilation)));
        Print("keystroke in a member's name", () => _driver, () => DeclaredModels.With(_compilation, DeclaredModels.TypeMember(_compilation)));
        Print("the same, bound already", () => _driver, () =>
        {
            var compilation = DeclaredModels.With(_compilation, DeclaredModels.TypeMember(_compilation));
            Bind(compilation);
            return compilation;
        });
    }

    private static int Bind(CSharpCompilation compilation)
    {
        var types = compilation.GlobalNamespace.GetNamespaceMembers().Single(name => name.Name == "Declared").GetNamespaceMembers().SelectMany(family => family.GetTypeMembers());
        return types.Sum(type => type.GetAttributes().Sum(Arguments) + type.GetMembers().OfType<IPropertySymbol>().Sum(property => property.GetAttributes().Sum(Arguments)));
    }

    private static int Arguments(AttributeData attribute) => attribute.ConstructorArguments.Length + attribute.NamedArguments.Length;

    private void Print(string what, Func<GeneratorDriver> driver, Func<CSharpCompilation> edit)
    {
        var (own, wall) = (new List<double>(), new List<double>());
        for (var i = 0; i < Runs; i++)
        {
            var (before, compilation) = (driver(), edit());
            var start = Stopwatch.GetTimestamp();
            var after = before.RunGenerators(compilation);
            wall.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            own.Add(after.GetTimingInfo().GeneratorTimes.Single().ElapsedTime.TotalMilliseconds);
        }

        Console.WriteLine($"// {Models} models, {what}, median of {Runs}: generator {Median(own):F3} ms, whole run {Median(wall):F3} ms");
    }

    private static double Median(List<double> times) => times.Order().ElementAt(times.Count / 2);

    private static GeneratorDriver NewDriver() => CSharpGeneratorDriver.Create([new ModelGenerator().AsSourceGenerator()], parseOptions: DeclaredModels.ParseOptions);
}
