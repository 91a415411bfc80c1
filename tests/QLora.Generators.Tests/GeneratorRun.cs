using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace QLora.Generators.Tests;

/// <summary>A compilation of declarations and a generator that runs on it, again after every edit.</summary>
internal sealed class GeneratorRun
{
    /// <summary>The path of the small model's source.</summary>
    public const string Path = "SmallModel.cs";

    internal static readonly CSharpParseOptions ParseOptions = new(LanguageVersion.Latest, DocumentationMode.Diagnose);

    // Whatever a project of a user would be compiled with: nullable, every warning an error, documentation demanded.
    internal static readonly CSharpCompilationOptions CompilationOptions = new(
        OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, generalDiagnosticOption: ReportDiagnostic.Error, warningLevel: 9999);

    internal static readonly ImmutableArray<MetadataReference> References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(System.IO.Path.PathSeparator)
            .Where(path => !System.IO.Path.GetFileName(path).StartsWith("QLora.Generators", StringComparison.Ordinal))
            .Select(path => MetadataReference.CreateFromFile(path)),
    ];

    private GeneratorDriver _driver = NewDriver();

    private CSharpCompilation _compilation;

    /// <summary>The first run.</summary>
    /// <param name="sources">The files.</param>
    public GeneratorRun(params IEnumerable<string> sources)
    {
        var trees = sources.Select((source, i) => Parse(source, i == 0 ? Path : $"Other{i}.cs"));
        _compilation = CSharpCompilation.Create("Declarations", trees, References, CompilationOptions);
        _driver = _driver.RunGenerators(_compilation, TestContext.Current.CancellationToken);
    }

    /// <summary>The declarations of the small model, which these tests' own project is compiled with.</summary>
    public static string Small { get; } = File.ReadAllText(System.IO.Path.Combine(TestData.Root, "tests", "QLora.Generators.Tests", "Small", "SmallModel.cs"));

    public GeneratorRunResult Result => Assert.Single(_driver.GetRunResult().Results);

    /// <summary>The generated files by name.</summary>
    public IReadOnlyDictionary<string, string> Sources => Result.GeneratedSources.ToDictionary(source => source.HintName, source => source.SourceText.ToString());

    /// <summary>What the compiler says of declarations and generated code together.</summary>
    public IEnumerable<Diagnostic> CompilerDiagnostics
        => _compilation.AddSyntaxTrees(_driver.GetRunResult().GeneratedTrees).GetDiagnostics(TestContext.Current.CancellationToken).Where(diagnostic => diagnostic.Severity != DiagnosticSeverity.Hidden);

    /// <summary>Replaces the first file and runs again.</summary>
    public void Edit(string source) => Run(_compilation.ReplaceSyntaxTree(_compilation.SyntaxTrees[0], Parse(source, Path)));

    /// <summary>Replaces one of the files and runs again.</summary>
    public void Edit(int file, string source) => Run(_compilation.ReplaceSyntaxTree(_compilation.SyntaxTrees[file], Parse(source, _compilation.SyntaxTrees[file].FilePath)));

    /// <summary>Adds a file and runs again.</summary>
    public void Add(string source) => Run(_compilation.AddSyntaxTrees(Parse(source, $"Added{_compilation.SyntaxTrees.Length}.cs")));

    /// <summary>Changes the compilation in another way and runs again.</summary>
    public void Change(Func<CSharpCompilation, CSharpCompilation> change) => Run(change(_compilation));

    /// <summary>What a first run says of the same compilation: its sources and diagnostics, with their places.</summary>
    public IEnumerable<string> Fresh() => Output(NewDriver().RunGenerators(_compilation.Clone(), TestContext.Current.CancellationToken));

    /// <summary>The sources and diagnostics, with their places.</summary>
    public IEnumerable<string> Output() => Output(_driver);

    /// <summary>The compilation, to see when it is let go.</summary>
    public WeakReference Compilation() => new(_compilation);

    private void Run(CSharpCompilation compilation)
    {
        _compilation = compilation;
        _driver = _driver.RunGenerators(_compilation, TestContext.Current.CancellationToken);
    }

    private static GeneratorDriver NewDriver() => CSharpGeneratorDriver.Create(
        [new ModelGenerator().AsSourceGenerator()], parseOptions: ParseOptions,
        driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));

    private static IEnumerable<string> Output(GeneratorDriver driver)
    {
        var result = Assert.Single(driver.GetRunResult().Results);
        Assert.Null(result.Exception);
        return [.. result.GeneratedSources.Select(source => $"{source.HintName}\n{source.SourceText}"), .. result.Diagnostics.Select(diagnostic => diagnostic.ToString())];
    }

    private static SyntaxTree Parse(string source, string path) => CSharpSyntaxTree.ParseText(SourceText.From(source, System.Text.Encoding.UTF8), ParseOptions, path);
}
