using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace QLora.Benchmarks;

/// <summary>Sources as a user would write them: each file declares a config, a block of Llama's size and a model.</summary>
internal static class DeclaredModels
{
    private const string Source = """
        using System;
        using System.Collections.Generic;
        using System.Text.Json.Nodes;
        using QLora.Annotations;
        using QLora.Autograd;
        using QLora.Checkpoints.Gguf;
        using QLora.Layers;
        using QLora.Models;

        namespace Declared.Family_N_;

        public sealed record Config : ModelConfig, IModelConfig<Config>
        {
            public override string ModelType => "family_N_";
            public required int Inner { get; init; }
            public required int Heads { get; init; }
            public required float Epsilon { get; init; }
            public bool HasBias { get; init; }
            public override AttentionShape AttentionShape => new(Heads, Heads, HiddenSize / Heads, 1 / MathF.Sqrt(HiddenSize / Heads));
            public static Config FromJson(ConfigJson json) => throw new NotSupportedException();
            public static Config FromGguf(GgufFile file) => throw new NotSupportedException();
            public override JsonObject ToJson() => new();
        }

        [DecoderBlock]
        public sealed partial class Block : DecoderBlock<Config>
        {
            [RmsNorm("norm1", Size = nameof(Config.HiddenSize), Epsilon = nameof(Config.Epsilon), Gguf = "attn_norm")]
            public partial RmsNorm InputNorm { get; }
            [Linear("attn.q", In = nameof(Config.HiddenSize), Out = nameof(Config.HiddenSize), Bias = nameof(Config.HasBias), Gguf = "attn_q"), LoraTarget]
            public partial Linear Query { get; }
            [Linear("attn.k", In = nameof(Config.HiddenSize), Out = nameof(Config.HiddenSize), Bias = nameof(Config.HasBias), Gguf = "attn_k"), LoraTarget]
            public partial Linear Key { get; }
            [Linear("attn.v", In = nameof(Config.HiddenSize), Out = nameof(Config.HiddenSize), Bias = nameof(Config.HasBias), Gguf = "attn_v"), LoraTarget]
            public partial Linear Value { get; }
            [Linear("attn.o", In = nameof(Config.HiddenSize), Out = nameof(Config.HiddenSize), Bias = nameof(Config.HasBias), Gguf = "attn_output"), LoraTarget]
            public partial Linear Output { get; }
            [RmsNorm("norm2", Size = nameof(Config.HiddenSize), Epsilon = nameof(Config.Epsilon), Gguf = "ffn_norm")]
            public partial RmsNorm MlpNorm { get; }
            [Linear("mlp.gate", In = nameof(Config.HiddenSize), Out = nameof(Config.Inner), Gguf = "ffn_gate"), LoraTarget]
            public partial Linear Gate { get; }
            [Linear("mlp.up", In = nameof(Config.HiddenSize), Out = nameof(Config.Inner), Gguf = "ffn_up"), LoraTarget]
            public partial Linear Up { get; }
            [Linear("mlp.down", In = nameof(Config.Inner), Out = nameof(Config.HiddenSize), Gguf = "ffn_down"), LoraTarget]
            public partial Linear Down { get; }

            public override Activation Forward(Activation x, ForwardContext context)
            {
                var h = InputNorm.Forward(x, context);
                var attended = context.Attention(Query.Forward(h, context), Key.Forward(h, context), Value.Forward(h, context), Index, Config.AttentionShape);
                x = context.Add(x, Output.Forward(attended, context));
                h = MlpNorm.Forward(x, context);
                return context.Add(x, Down.Forward(context.SwiGlu(Gate.Forward(h, context), Up.Forward(h, context)), context));
            }
        }

        [CausalLanguageModel("family_N_")]
        public sealed partial class Model : CausalLanguageModel<Config>
        {
            [Embedding("embed", Rows = nameof(Config.VocabSize), Columns = nameof(Config.HiddenSize), Gguf = "token_embd")]
            public partial Embedding TokenEmbedding { get; }
            [Blocks("layers.{0}", Count = nameof(Config.NumHiddenLayers), Gguf = "blk.{0}")]
            public partial IReadOnlyList<Block> Blocks { get; }
            [RmsNorm("norm", Size = nameof(Config.HiddenSize), Epsilon = nameof(Config.Epsilon), Gguf = "output_norm")]
            public partial RmsNorm Norm { get; }
            [Linear("lm_head", In = nameof(Config.HiddenSize), Out = nameof(Config.VocabSize), KeepFullPrecision = true, Gguf = "output"), LoraTarget]
            public override partial Linear LmHead { get; }

            public override Activation Forward(ForwardContext context)
            {
                var x = TokenEmbedding.Forward(context);
                x = context.Blocks(Blocks, x);
                return Norm.Forward(x, context);
            }
        }
        """;

    private const string Elsewhere = """
        namespace Elsewhere;

        internal static class Calculator
        {
        _METHODS_
            public static int Last() { return 0; }
        }
        """;

    private static readonly ImmutableArray<MetadataReference> References =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path))];

    /// <summary>How the files are parsed.</summary>
    public static CSharpParseOptions ParseOptions { get; } = new(LanguageVersion.Latest);

    /// <summary>A project with so many models, each in a file of its own, and a last file that declares nothing.</summary>
    public static CSharpCompilation Compilation(int models) => CSharpCompilation.Create(
        "Declared",
        [
            .. Enumerable.Range(0, models).Select(i => Parse(Source.Replace("_N_", $"{i}", StringComparison.Ordinal), $"Family{i}.cs")),
            Parse(Elsewhere.Replace("_METHODS_", string.Concat(Enumerable.Range(0, 100).Select(i => $"    public static int Add{i}(int x, int y) => x + y * {i};\n")), StringComparison.Ordinal), "Elsewhere.cs"),
        ],
        References,
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));

    /// <summary>The first model's file after something was typed into the body of a method.</summary>
    public static SyntaxTree TypeInBody(CSharpCompilation compilation) => Type(compilation.SyntaxTrees[0], "var h = ", "var unused = 1; ");

    /// <summary>The last file after something was typed into the body of a method.</summary>
    public static SyntaxTree TypeElsewhere(CSharpCompilation compilation) => Type(compilation.SyntaxTrees[^1], "return 0;", "var unused = 1; ");

    /// <summary>The last file after something was typed into the name of a method.</summary>
    public static SyntaxTree TypeMember(CSharpCompilation compilation) => Type(compilation.SyntaxTrees[^1], "Last()", "The");

    /// <summary>The project with a file that was typed in.</summary>
    public static CSharpCompilation With(CSharpCompilation compilation, SyntaxTree edited)
        => compilation.ReplaceSyntaxTree(compilation.SyntaxTrees.Single(tree => tree.FilePath == edited.FilePath), edited);

    /// <summary>Types text before another, and parses what changed, as an editor does.</summary>
    private static SyntaxTree Type(SyntaxTree tree, string before, string typed)
    {
        var text = tree.GetText();
        var place = text.ToString().IndexOf(before, StringComparison.Ordinal);
        return tree.WithChangedText(text.WithChanges(new TextChange(new TextSpan(place, 0), typed)));
    }

    private static SyntaxTree Parse(string source, string path) => CSharpSyntaxTree.ParseText(source, ParseOptions, path);
}
