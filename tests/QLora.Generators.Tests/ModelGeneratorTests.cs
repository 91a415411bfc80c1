using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace QLora.Generators.Tests;

/// <summary>A small declaration: it compiles with what is generated, mistakes in it are named where they stand, and edits that change nothing regenerate nothing.</summary>
public class ModelGeneratorTests
{
    private const string Declaration = """
        using System.Collections.Generic;
        using System.Text.Json.Nodes;
        using QLora.Annotations;
        using QLora.Autograd;
        using QLora.Checkpoints.Gguf;
        using QLora.Layers;
        using QLora.Models;

        namespace Tiny;

        public sealed record TinyConfig : ModelConfig, IModelConfig<TinyConfig>
        {
            public override string ModelType => "tiny";
            public required int InnerSize { get; init; }
            public override AttentionShape AttentionShape => new(1, 1, 2, 1);
            public override JsonObject ToJson() => new();
            public static TinyConfig FromJson(ConfigJson json) => throw new System.NotSupportedException();
            public static TinyConfig FromGguf(GgufFile file) => throw new System.NotSupportedException();
        }

        [DecoderBlock]
        public sealed partial class TinyBlock : DecoderBlock<TinyConfig>
        {
            [Linear("up", In = nameof(TinyConfig.HiddenSize), Out = nameof(TinyConfig.InnerSize), Gguf = "ffn_up"), LoraTarget]
            public partial Linear Up { get; }

            [Linear("down", In = nameof(TinyConfig.InnerSize), Out = nameof(TinyConfig.HiddenSize), Gguf = "ffn_down"), LoraTarget]
            public partial Linear Down { get; }

            public override Activation Forward(Activation x, ForwardContext context) => context.Add(x, Down.Forward(Up.Forward(x, context), context));
        }

        [CausalLanguageModel("tiny")]
        public sealed partial class TinyModel : CausalLanguageModel<TinyConfig>
        {
            [Embedding("embed", Rows = nameof(TinyConfig.VocabSize), Columns = nameof(TinyConfig.HiddenSize), Gguf = "token_embd")]
            public partial Embedding TokenEmbedding { get; }

            [Blocks("layers.{0}", Count = nameof(TinyConfig.NumHiddenLayers), Gguf = "blk.{0}")]
            public partial IReadOnlyList<TinyBlock> Blocks { get; }

            [Linear("lm_head", In = nameof(TinyConfig.HiddenSize), Out = nameof(TinyConfig.VocabSize), Gguf = "output", KeepFullPrecision = true)]
            public override partial Linear LmHead { get; }

            public override Activation Forward(ForwardContext context)
            {
                var x = TokenEmbedding.Forward(context);
                foreach (var block in Blocks) x = context.Block(block, x);
                return x;
            }
        }
        """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void The_declaration_compiles_without_a_warning()
    {
        var (output, diagnostics) = Run(Declaration);
        Assert.Empty(diagnostics);
        Assert.Empty(output.GetDiagnostics(Cancellation).Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning));
        var generated = string.Concat(output.SyntaxTrees.Skip(1).Select(tree => tree.ToString()));
        Assert.All(["TinyTargets", "Describe(", "\"lm_head\"", "blk."], word => Assert.Contains(word, generated, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("sealed partial class TinyModel", "sealed class TinyModel", "QLORA0001", "TinyModel")]
    [InlineData("public partial Linear Up { get; }", "public Linear Up { get; } = null!;", "QLORA0002", "Up")]
    [InlineData("[Linear(\"down\"", "[Linear(\"up\"", "QLORA0003", "Down")]
    [InlineData("KeepFullPrecision = true", "TiedTo = \"Nothing\"", "QLORA0004", "LmHead")]
    [InlineData("Gguf = \"token_embd\")]", "Gguf = \"token_embd\"), LoraTarget]", "QLORA0005", "TokenEmbedding")]
    [InlineData(", LoraTarget]", "]", "QLORA0006", "TinyModel")]
    [InlineData("Out = nameof(TinyConfig.InnerSize)", "Out = \"OuterSize\"", "QLORA0007", "Up")]
    [InlineData("\"layers.{0}\"", "\"layers\"", "QLORA0008", "Blocks")]
    [InlineData(": DecoderBlock<TinyConfig>", ": object", "QLORA0010", "TinyBlock")]
    public void A_mistake_is_named_where_it_stands(string right, string wrong, string id, string place)
    {
        Assert.Contains(right, Declaration, StringComparison.Ordinal);
        var source = Declaration.Replace(right, wrong, StringComparison.Ordinal);
        var (_, diagnostics) = Run(source);
        var found = diagnostics.FirstOrDefault(diagnostic => diagnostic.Id == id);
        Assert.True(found is not null, $"{id} is not among {string.Join(", ", diagnostics)}");
        Assert.Equal(place, source.Substring(found.Location.SourceSpan.Start, found.Location.SourceSpan.Length));
        Assert.Equal(DiagnosticSeverity.Error, found.Severity);
    }

    [Theory]
    [InlineData("var x = TokenEmbedding.Forward(context);", "var x = TokenEmbedding.Forward(context); // the residual stream")]
    [InlineData("return x;", "x = context.Block(Blocks[0], x); return x;")]
    public void An_edit_of_a_body_or_a_comment_changes_no_spec(string old, string edited)
    {
        var compilation = Compile(Declaration);
        var driver = Driver().RunGenerators(compilation, Cancellation);
        var tree = compilation.SyntaxTrees.Single();
        var changed = compilation.ReplaceSyntaxTree(tree, CSharpSyntaxTree.ParseText(Declaration.Replace(old, edited, StringComparison.Ordinal), (CSharpParseOptions)tree.Options, cancellationToken: Cancellation));
        var steps = driver.RunGenerators(changed, Cancellation).GetRunResult().Results.Single().TrackedSteps;
        foreach (var name in new[] { "ModelSpecs", "BlockSpecs" })
        {
            Assert.All(steps[name].SelectMany(step => step.Outputs), output => Assert.True(output.Reason is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged, $"{name}: {output.Reason}"));
        }
    }

    [Fact]
    public void A_changed_attribute_changes_the_spec()
    {
        var compilation = Compile(Declaration);
        var driver = Driver().RunGenerators(compilation, Cancellation);
        var tree = compilation.SyntaxTrees.Single();
        var changed = compilation.ReplaceSyntaxTree(tree, CSharpSyntaxTree.ParseText(Declaration.Replace("\"lm_head\"", "\"head\"", StringComparison.Ordinal), (CSharpParseOptions)tree.Options, cancellationToken: Cancellation));
        var steps = driver.RunGenerators(changed, Cancellation).GetRunResult().Results.Single().TrackedSteps;
        Assert.Contains(steps["ModelSpecs"].SelectMany(step => step.Outputs), output => output.Reason == IncrementalStepRunReason.Modified);
    }

    private static (Compilation Output, IReadOnlyList<Diagnostic> Diagnostics) Run(string source)
    {
        Driver().RunGeneratorsAndUpdateCompilation(Compile(source), out var output, out var diagnostics, Cancellation);
        return (output, diagnostics);
    }

    private static CSharpGeneratorDriver Driver() => CSharpGeneratorDriver.Create([new ModelGenerator().AsSourceGenerator()],
        parseOptions: CSharpParseOptions.Default, driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));

    private static CSharpCompilation Compile(string source)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path));
        return CSharpCompilation.Create("Tiny", [CSharpSyntaxTree.ParseText(source, CSharpParseOptions.Default, cancellationToken: Cancellation)], references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, allowUnsafe: true));
    }
}
