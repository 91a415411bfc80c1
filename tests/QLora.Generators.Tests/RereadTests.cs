using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace QLora.Generators.Tests;

/// <summary>Declarations are read again when anything that could change their meaning did, in whatever file, and not while somebody types in a method's body.</summary>
public class RereadTests
{
    private const int Config = 0, Part = 1, Block = 2, Model = 3, Base = 4, Other = 5;

    /// <summary>The small model with each class in a file of its own, a base of its config, and a file that names are taken from.</summary>
    private static readonly string[] Files = Split();

    /// <summary>An edit: of which file, what stands there, and what is written instead. What is generated or reported changes with each of them.</summary>
    public static TheoryData<string, int, string, string> Edits => new()
    {
        { "a config's member gets another name", Config, "public required int Inner", "public required int InnerWidth" },
        { "a config's member gets another type", Config, "public required int Inner", "public required long Inner" },
        { "a config's member becomes static", Config, "public bool HasBias", "public static bool HasBias" },
        { "a config's member is hidden", Config, "public bool HasBias", "private bool HasBias" },
        { "a method of a layer becomes one of something else", Config, "HasParts(int layer)", "HasParts(long layer)" },
        { "a member of a config's base gets another type", Base, "public int Heads", "public string Heads" },
        { "a config's base is another", Config, "SmallConfig : BaseConfig", "SmallConfig : ModelConfig" },
        { "a block is no block any more", Block, "[DecoderBlock]", "" },
        { "a block loses a target", Block, "Out = nameof(SmallConfig.HiddenSize)), LoraTarget]", "Out = nameof(SmallConfig.HiddenSize))]" },
        { "a part is no part any more", Part, "[ModelPart]", "" },
        { "a part's path is that of another module", Part, "\"ffn_inner\"", "\"ffn_up\"" },
        { "a part has another config", Part, "ModelPart<SmallConfig>", "ModelPart<OtherConfig>" },
        { "a part gets another name", Part, "class SmallPart", "class OtherPart" },
        { "a part holds itself", Part, "[Linear(", "[Part(\"again\")] public partial SmallPart Again { get; }\n    [Linear(" },
        { "a constant in an attribute changes", Other, "Up = \"mlp.up\"", "Up = \"mlp.upper\"" },
        { "an alias means another type", Other, "global using Norm = QLora.Layers.RmsNorm", "global using Norm = QLora.Layers.LayerNorm" },
        { "an alias means another attribute", Other, "global using Layer = QLora.Annotations.DecoderBlockAttribute", "global using Layer = System.SerializableAttribute" },
        { "a using goes", Model, "using QLora.Layers;", "" },
        { "a model's Forward is no override any more", Model, "public override Activation Forward", "public Activation Forward" },
    };

    /// <summary>A file that is added.</summary>
    public static TheoryData<string, string> Additions => new()
    {
        { "more of a model", "namespace QLora.Generators.Tests.Small;\npartial class SmallModel { [QLora.Annotations.Embedding(\"more\", Rows = \"VocabSize\", Columns = \"HiddenSize\")] public partial QLora.Layers.Embedding More { get; } }" },
        { "more of a block", "namespace QLora.Generators.Tests.Small;\npartial class SmallBlock { [QLora.Annotations.Linear(\"more\", In = \"Inner\", Out = \"Inner\"), QLora.Annotations.LoraTarget] public partial QLora.Layers.Linear More { get; } }" },
        { "a type that stands before the engine's", "namespace QLora.Generators.Tests.Small;\npublic class Linear;" },
        { "a global alias that stands before the engine's type", "global using Embedding = System.String;" },
        { "another part", "namespace Another;\n[QLora.Annotations.ModelPart] public sealed partial class AnotherPart : QLora.Models.ModelPart<QLora.Generators.Tests.Small.SmallConfig>;" },
    };

    [Theory]
    [MemberData(nameof(Edits))]
    public void What_a_file_changes_of_others_is_seen(string what, int file, string before, string after)
    {
        Assert.True(Files[file].Contains(before, StringComparison.Ordinal), what);
        AssertSeen(run => run.Edit(file, Files[file].Replace(before, after, StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(Additions))]
    public void What_a_new_file_changes_of_others_is_seen(string what, string source)
    {
        Assert.NotEmpty(what);
        AssertSeen(run => run.Add(source));
    }

    [Fact]
    public void A_file_that_goes_is_seen() => AssertSeen(run => run.Change(compilation => compilation.RemoveSyntaxTrees(compilation.SyntaxTrees[Part])));

    [Fact]
    public void Another_reference_is_seen()
    {
        var (ints, longs) = (Library("int"), Library("long"));
        var run = new GeneratorRun([.. Files.Where((_, i) => i != Base)]);
        run.Change(compilation => compilation.AddReferences(ints));
        Assert.Empty(run.Result.Diagnostics);
        run.Change(compilation => compilation.ReplaceReference(ints, longs));
        Assert.NotEmpty(run.Result.Diagnostics);
        Assert.Equal(run.Fresh(), run.Output());
    }

    [Fact]
    public void Other_options_are_read_with()
    {
        foreach (var change in new Func<CSharpCompilation, CSharpCompilation>[]
        {
            compilation => compilation.WithOptions(compilation.Options.WithNullableContextOptions(NullableContextOptions.Disable)),
            compilation => compilation.WithAssemblyName("Renamed"),
            compilation => compilation.ReplaceSyntaxTree(compilation.SyntaxTrees[Model], compilation.SyntaxTrees[Model].WithFilePath("Moved.cs")),
            compilation => compilation.RemoveAllSyntaxTrees().AddSyntaxTrees(compilation.SyntaxTrees.Select(tree => tree.WithRootAndOptions(tree.GetRoot(), GeneratorRun.ParseOptions.WithPreprocessorSymbols("X")))),
        })
        {
            var run = new GeneratorRun(Files);
            run.Change(change);
            Assert.NotEqual(IncrementalStepRunReason.Cached, Reading(run));
            Assert.Equal(run.Fresh(), run.Output());
        }
    }

    [Theory]
    [InlineData("= 1;", "=\n#nullable disable\n1;")]
    [InlineData("[ModelPart]", "#nullable disable\n[ModelPart]")]
    public void A_nullable_directive_is_seen(string before, string after)
    {
        var run = new GeneratorRun(Files);
        var source = Change(Files[Part], "    /// <summary>The norm", "    private int _field = 1;\n\n    /// <summary>The norm");
        run.Edit(Part, source);
        run.Edit(Part, Change(source, before, after));
        Assert.NotEqual(IncrementalStepRunReason.Cached, Reading(run));
        Assert.Equal(run.Fresh(), run.Output());
    }

    [Theory]
    [InlineData(Config, "=> layer == 1", "=> layer == 1 + 1")]
    [InlineData(Block, "x = context.Add(", "var y = 1;\n        x = context.Add(")]
    [InlineData(Model, "using System.Text", "// a comment\nusing System.Text")]
    [InlineData(Other, "=> 3", "=> 4")]
    public void Typing_in_a_body_reads_nothing(int file, string before, string after)
    {
        var run = new GeneratorRun(Files);
        for (var i = 0; i < 2; i++)
        {
            run.Edit(file, new string('\n', i) + Change(Files[file], before, after));
            Assert.Equal(IncrementalStepRunReason.Cached, Reading(run));
            Assert.Equal(run.Fresh(), run.Output());
        }
    }

    [Fact]
    public void What_is_reported_moves_with_its_file_and_stays_when_others_change()
    {
        var mistaken = Files[Model].Replace("KeepFullPrecision = true", "Bias = \"Nothing\"", StringComparison.Ordinal);
        var run = new GeneratorRun(Files);
        run.Edit(Model, mistaken);
        Assert.Single(run.Result.Diagnostics);
        run.Edit(Block, "\n" + Files[Block]);
        Assert.Equal(IncrementalStepRunReason.Cached, Reading(run));
        run.Edit(Model, "\n\n" + mistaken);
        Assert.Equal(run.Fresh(), run.Output());
        run.Edit(Model, Files[Model]);
        Assert.Empty(run.Result.Diagnostics);
    }

    [Fact]
    public void A_compilation_that_was_read_is_let_go()
    {
        var run = new GeneratorRun(Files);
        var first = run.Compilation();
        for (var i = 1; i <= 3; i++) run.Edit(Block, new string('\n', i) + Files[Block]);
        GC.Collect();
        Assert.False(first.IsAlive);
        Assert.Equal(IncrementalStepRunReason.Cached, Reading(run));
    }

    /// <summary>A run after a change says what a first run says, which is something else than before.</summary>
    private static void AssertSeen(Action<GeneratorRun> change)
    {
        var run = new GeneratorRun(Files);
        Assert.Empty(run.Result.Diagnostics);
        var before = run.Output();
        change(run);
        Assert.NotEqual(before, run.Output());
        Assert.Equal(run.Fresh(), run.Output());
    }

    private static IncrementalStepRunReason Reading(GeneratorRun run) => Assert.Single(run.Result.TrackedSteps[StepNames.Declarations].SelectMany(step => step.Outputs)).Reason;

    private static MetadataReference Library(string heads)
    {
        var source = Files[Base].Replace("int Heads", heads + " Heads", StringComparison.Ordinal);
        var compilation = CSharpCompilation.Create("Library", [CSharpSyntaxTree.ParseText(source, GeneratorRun.ParseOptions)], GeneratorRun.References, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        using var image = new MemoryStream();
        Assert.True(compilation.Emit(image).Success);
        return MetadataReference.CreateFromImage(image.ToArray());
    }

    private static string[] Split()
    {
        string[] starts = ["/// <summary>The numbers", "/// <summary>A part with", "/// <summary>A block with", "/// <summary>A model with"];
        var places = starts.Select(start => GeneratorRun.Small.IndexOf(start, StringComparison.Ordinal)).Append(GeneratorRun.Small.Length).ToArray();
        Assert.DoesNotContain(-1, places);
        var head = GeneratorRun.Small[..places[0]];
        var files = Enumerable.Range(0, starts.Length).Select(i => head + GeneratorRun.Small[places[i]..places[i + 1]]).ToArray();
        files[Config] = Change(Change(files[Config], "SmallConfig : ModelConfig", "SmallConfig : BaseConfig"), "public int Heads { get; init; } = 2;", "");
        files[Part] = Change(files[Part], "public partial RmsNorm?", "public partial Norm?");
        files[Block] = Change(files[Block], "[Linear(\"mlp.up\"", "[Linear(Names.Up");
        return
        [
            .. files,
            head + "/// <summary>A base.</summary>\npublic abstract record BaseConfig : ModelConfig\n{\n    /// <summary>Heads.</summary>\n    public int Heads { get; init; } = 2;\n}\n",
            "global using Norm = QLora.Layers.RmsNorm;\nglobal using Layer = QLora.Annotations.DecoderBlockAttribute;\n" + head + "internal static class Names { public const string Up = \"mlp.up\"; public static int Three() => 3; }\n"
                + "public abstract record OtherConfig : ModelConfig;\n"
                + "[Layer] public sealed partial class Aliased : DecoderBlock<SmallConfig> { public override Activation Forward(Activation x, ForwardContext context) => x; }\n"
                + "[CausalLanguageModel(\"aliased\")] public sealed partial class AliasedModel : CausalLanguageModel<SmallConfig>\n{\n"
                + "    [Blocks(\"l.{0}\", Count = \"NumHiddenLayers\")] public partial IReadOnlyList<Aliased> Blocks { get; }\n"
                + "    [Linear(\"head\", In = \"HiddenSize\", Out = \"VocabSize\"), LoraTarget] public override partial Linear LmHead { get; }\n"
                + "    public override Activation Forward(ForwardContext context) => throw new System.NotSupportedException();\n}\n",
        ];
    }

    private static string Change(string source, string before, string after)
    {
        Assert.Contains(before, source, StringComparison.Ordinal);
        return source.Replace(before, after, StringComparison.Ordinal);
    }
}
