using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.Text;
using QLora.CodeFixes;

namespace QLora.Generators.Tests;

/// <summary>Mistakes whose mend is mechanical are mended: the source is as it should have been written, and the generator and the compiler have nothing more to say.</summary>
public class CodeFixTests
{
    private const string Model = "public sealed partial class SmallModel", Up = "    public partial Linear Up { get; }", Norm = "    public partial RmsNorm Norm { get; }";
    private const string ModelNorm = "Gguf = \"output_norm\")]\n    public partial RmsNorm Norm { get; }";

    /// <summary>A fix, the mistake (what stands in the small model, and what was written instead), and what is written after the fix.</summary>
    public static TheoryData<string, string, string, string> Mistakes => new()
    {
        { "QLORA0001", Model, "public sealed class SmallModel", Model },
        { "QLORA0001", Model, "sealed class SmallModel", "sealed partial class SmallModel" },
        { "QLORA0001", "/// <summary>A model with everything that can be declared.</summary>\n[CausalLanguageModel(\"small\", GgufArchitecture = \"tiny\")]\npublic sealed partial class SmallModel",
            "/// <summary>A model.</summary>\n[CausalLanguageModel(\"small\")]\nclass SmallModel", "/// <summary>A model.</summary>\n[CausalLanguageModel(\"small\")]\npartial class SmallModel" },
        { "QLORA0002", Up, "    public Linear Up { get; } = null!;", Up },
        { "QLORA0002", Up, "    public partial Linear Up { get; set; }", Up },
        { "QLORA0002", Up, "    public Linear Up => throw new NotSupportedException(); // later", Up + " // later" },
        { "QLORA0002", Up, "    public Linear Up\n    {\n        get => null!;\n        set { }\n    }", Up },
        { "QLORA0002", "public override partial Linear LmHead { get; }", "public override Linear LmHead { get; } = null!;", "public override partial Linear LmHead { get; }" },
        { "QLORA0005", ModelNorm, ModelNorm.Replace(")]", "), LoraTarget]"), ModelNorm },
        { "QLORA0005", Norm, "    [LoraTarget]\n" + Norm, Norm },
        { "QLORA0005", Norm, Norm + "\n\n    /// <summary>A number.</summary>\n    [LoraTarget]\n    public int Number => 3;", Norm + "\n\n    /// <summary>A number.</summary>\n    public int Number => 3;" },
        { "QLORA0005", Norm, Norm + "\n\n    [LoraTarget] public int Number => 3;", Norm + "\n\n    public int Number => 3;" },
        { "QLORA0008", "layers.{0}", "layers", "layers.{0}" },
        { "QLORA0008", "Gguf = \"blk.{0}\"", "Gguf = \"blk\"", "Gguf = \"blk.{0}\"" },
        { "QLORA0011", ModelNorm, ModelNorm.Replace("RmsNorm Norm", "Linear Norm"), ModelNorm },
        { "QLORA0011", Up, Up.Replace("Linear", "object"), Up },
    };

    private static readonly Dictionary<string, CodeFixProvider> Fixes =
        new CodeFixProvider[] { new MakeTypePartial(), new MakePropertyPartial(), new RemoveLoraTarget(), new AddPlaceholder(), new ChangePropertyType() }
            .ToDictionary(fix => Assert.Single(fix.FixableDiagnosticIds));

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task The_mistake_is_gone(string id, string declared, string mistake, string mended)
    {
        var source = Replace(declared, mistake);
        var diagnostics = new GeneratorRun(source).Result.Diagnostics.Where(diagnostic => diagnostic.Id == id).ToList();
        var action = Assert.Single(await Actions(source, diagnostics[0]));
        var after = await Apply(source, action);
        Assert.Equal(Replace(declared, mended), after);

        var run = new GeneratorRun(after);
        Assert.Empty(run.Result.Diagnostics);
        Assert.DoesNotContain(run.CompilerDiagnostics, diagnostic => diagnostic.Id != "CS1591"); // documentation is not what is mended
    }

    [Theory]
    [InlineData("QLORA0008", "blk.{0}", "blk.{0}.{0}")]
    [InlineData("QLORA0011", "public partial IReadOnlyList<SmallBlock> Blocks", "public partial SmallBlock[] Blocks")]
    public async Task What_a_person_must_decide_has_no_fix(string id, string declared, string mistake)
    {
        var source = Replace(declared, mistake);
        var diagnostic = Assert.Single(new GeneratorRun(source).Result.Diagnostics, diagnostic => diagnostic.Id == id);
        Assert.Empty(await Actions(source, diagnostic));
    }

    [Fact]
    public void Every_fix_is_tested() => Assert.Equal(
        typeof(MakeTypePartial).Assembly.GetExportedTypes().Where(type => !type.IsAbstract).Select(type => type.Name).Order(),
        Fixes.Values.Select(fix => fix.GetType().Name).Order());

    private static string Replace(string declared, string written)
    {
        Assert.Contains(declared, GeneratorRun.Small, StringComparison.Ordinal);
        var place = GeneratorRun.Small.LastIndexOf(declared, StringComparison.Ordinal);
        return string.Concat(GeneratorRun.Small.AsSpan(0, place), written, GeneratorRun.Small.AsSpan(place + declared.Length));
    }

    /// <summary>What an editor would offer: it knows the diagnostic's place as a span of the file.</summary>
    private static async Task<List<CodeAction>> Actions(string source, Diagnostic diagnostic)
    {
        var actions = new List<CodeAction>();
        var context = new CodeFixContext(Open(source), diagnostic, (action, _) => actions.Add(action), TestContext.Current.CancellationToken);
        await Fixes[diagnostic.Id].RegisterCodeFixesAsync(context);
        return actions;
    }

    private static async Task<string> Apply(string source, CodeAction action)
    {
        var operations = await action.GetOperationsAsync(TestContext.Current.CancellationToken);
        var solution = Assert.IsType<ApplyChangesOperation>(Assert.Single(operations)).ChangedSolution;
        var text = await Assert.Single(Assert.Single(solution.Projects).Documents).GetTextAsync(TestContext.Current.CancellationToken);
        return text.ToString();
    }

    private static Document Open(string source)
    {
        var workspace = new AdhocWorkspace();
        var project = workspace.AddProject(ProjectInfo.Create(
            ProjectId.CreateNewId(), VersionStamp.Create(), "Declarations", "Declarations", LanguageNames.CSharp,
            compilationOptions: GeneratorRun.CompilationOptions, parseOptions: GeneratorRun.ParseOptions, metadataReferences: GeneratorRun.References));
        return workspace.AddDocument(project.Id, GeneratorRun.Path, SourceText.From(source));
    }
}
