using Microsoft.CodeAnalysis;
using QLora.Generators.Diagnostics;

namespace QLora.Generators.Tests;

/// <summary>Every mistake that a declaration can hold: made in the small model, reported once, at the marked place, saying what to write.</summary>
public class DiagnosticTests
{
    private const string UpAttribute = "    [Linear(\"mlp.up\"", Up = "    public partial Linear Up { get; }", Down = "    public partial Linear Down { get; }";
    private const string PartLinear = "[Linear(\"inside\"";
    private const string ModelNorm = "[RmsNorm(\"norm\", Size = nameof(SmallConfig.HiddenSize), Epsilon = nameof(SmallConfig.Epsilon), Gguf = \"output_norm\")]\n    public partial RmsNorm Norm { get; }";
    private const string Target = ", LoraTarget]", Model = "public sealed partial class SmallModel", Block = "[DecoderBlock]\npublic sealed partial class SmallBlock";
    private const string Head = "    public override partial Linear LmHead { get; }", HeadAttribute = "    [Linear(\"lm_head\", In = nameof(SmallConfig.HiddenSize), Out = nameof(SmallConfig.VocabSize)";

    /// <summary>An id, edits (each a text and what replaces it; the place is in ⟦⟧), and the message.</summary>
    public static TheoryData<string, string[], string> Mistakes => new()
    {
        { "QLORA0001", [Model, "public sealed class ⟦SmallModel⟧"], "'SmallModel' must be partial: write 'public sealed partial class SmallModel', so that its constructor and properties can be generated" },
        { "QLORA0002", [Up, "    public Linear ⟦Up⟧ { get; } = null!;"], "'Up' must be a partial property with only a getter: write 'public partial Linear Up { get; }'" },
        { "QLORA0002", [Up, "    public partial Linear ⟦Up⟧ { get; set; }"], "'Up' must be a partial property with only a getter: write 'public partial Linear Up { get; }'" },
        { "QLORA0003", ["Linear(\"mlp.down\"", "Linear(⟦\"mlp.up\"⟧"], "'Up' and 'Down' both claim the path 'mlp.up': give each its own" },
        { "QLORA0003", ["\"mlp.down\",", "\"mlp.down\", Gguf = ⟦\"attn_norm\"⟧,"], "'Norm' and 'Down' both claim the path 'attn_norm': give each its own" },
        {
            "QLORA0004", ["TiedTo = nameof(TokenEmbedding)", "TiedTo = ⟦nameof(Norm)⟧"],
            "'LmHead' is tied to 'Norm', which is no [Embedding] property declared before it in the same class: name one with TiedTo = nameof(…)"
        },
        {
            "QLORA0004", ["TiedTo = nameof(TokenEmbedding),", "", "TiedWhen = nameof(SmallConfig.TieWordEmbeddings)", "TiedWhen = ⟦nameof(SmallConfig.TieWordEmbeddings)⟧"],
            "'LmHead' is tied to '', which is no [Embedding] property declared before it in the same class: name one with TiedTo = nameof(…)"
        },
        {
            "QLORA0005", [ModelNorm, ModelNorm.Replace("\")]", "\"), ⟦LoraTarget⟧]")],
            "'Norm' has [LoraTarget] but no [Linear]: only linear layers can carry an adapter; remove [LoraTarget]"
        },
        {
            "QLORA0005", ["    private static int Mark;", "    [⟦LoraTarget⟧] public int Number => 3;"],
            "'Number' has [LoraTarget] but no [Linear]: only linear layers can carry an adapter; remove [LoraTarget]"
        },
        {
            "QLORA0006", [Target, "]", Model, "public sealed partial class ⟦SmallModel⟧"],
            "Neither 'SmallModel' nor its blocks have a property with [LoraTarget], so nothing could be fine-tuned: mark the linear layers that may carry an adapter"
        },
        {
            "QLORA0007", ["Out = nameof(SmallConfig.Inner)", "Out = ⟦\"Outer\"⟧"],
            "'Out' of 'Up' names 'Outer', but SmallConfig has no such member of type int; there are: CacheableLength, ContextLength, Heads, HiddenSize, Inner, MaxPositionEmbeddings, NumHiddenLayers, Parts, VocabSize"
        },
        {
            "QLORA0007", ["Bias = nameof(SmallConfig.HasBias)", "Bias = ⟦nameof(SmallConfig.Heads)⟧"],
            "'Bias' of 'Up' names 'Heads', but SmallConfig has no such member of type bool; there are: HasBias, HasInnerNorm, TieWordEmbeddings"
        },
        {
            "QLORA0008", ["[Blocks(\"layers.{0}\"", "[Blocks(⟦\"layers\"⟧"],
            "The path 'layers' of 'Blocks' must hold {0} once, where the number of the block stands"
        },
        {
            "QLORA0008", ["\"blk.{0}\"", "⟦\"blk.{0}.{0}\"⟧"],
            "The path 'blk.{0}.{0}' of 'Blocks' must hold {0} once, where the number of the block stands"
        },
        { "QLORA0010", [Model + " : CausalLanguageModel<SmallConfig>", "public sealed partial class ⟦SmallModel⟧ : object"], "'SmallModel' must derive from CausalLanguageModel<TConfig>" },
        {
            "QLORA0011", [ModelNorm, ModelNorm.Replace("RmsNorm Norm {", "⟦Linear⟧ Norm {")],
            "'Norm' is declared with [RmsNorm] and must be of type QLora.Layers.RmsNorm, not QLora.Layers.Linear"
        },
        {
            "QLORA0011", ["public partial IReadOnlyList<SmallBlock> Blocks", "public partial ⟦SmallBlock[]⟧ Blocks"],
            "'Blocks' is declared with [Blocks] and must be of type IReadOnlyList<…>, not QLora.Generators.Tests.Small.SmallBlock[]"
        },
        {
            "QLORA0012", [Model, "public sealed partial class ⟦SmallModel⟧<T>"],
            "'SmallModel' must be a class without type parameters that is not inside another type, so that its other half can be generated: move it out"
        },
        {
            "QLORA0012", ["/// <summary>A model with", "internal static class Outer {\n/// <summary>A model with", Model, "public sealed partial class ⟦SmallModel⟧", "//END", "}"],
            "'SmallModel' must be a class without type parameters that is not inside another type, so that its other half can be generated: move it out"
        },
        {
            "QLORA0013", [Block, "public sealed partial class SmallBlock", "SmallBlock> Blocks", "SmallBlock> ⟦Blocks⟧"],
            "'Blocks' is made of 'SmallBlock', which must have [DecoderBlock] and derive from DecoderBlock<SmallConfig>"
        },
        {
            "QLORA0014", [ModelNorm, "[Part(\"p\")] public partial SmallPart ⟦Part⟧ { get; }\n    " + ModelNorm],
            "'Part' is a [Part] in a model, and a part belongs to a layer: declare it in the block, or its modules in the model itself"
        },
        {
            "QLORA0015", [HeadAttribute, HeadAttribute.Replace("VocabSize", "Inner"), "TiedTo = nameof(TokenEmbedding)", "TiedTo = ⟦nameof(TokenEmbedding)⟧"],
            "'LmHead' has a weight of (Inner, HiddenSize) and cannot share the table of 'TokenEmbedding', which is (VocabSize, HiddenSize)"
        },
        {
            "QLORA0016", [Up, "    public partial Linear LmHead { get; }", Model, "public sealed partial class ⟦SmallModel⟧"],
            "'LmHead' is the name of two different LoRA targets, 'layers.{0}.mlp.up' and 'lm_head': give one of the properties another name"
        },
        {
            "QLORA0017", [UpAttribute, "    [⟦RmsNorm(\"z\", Size = nameof(SmallConfig.Inner), Epsilon = nameof(SmallConfig.Epsilon))⟧]\n" + UpAttribute],
            "'Up' is declared with [Linear] and [RmsNorm]: keep one of them"
        },
        {
            "QLORA0018", ["public partial RmsNorm? InnerNorm", "public partial RmsNorm ⟦InnerNorm⟧"],
            "'InnerNorm' exists only when 'config.HasInnerNorm' and must be nullable: write 'RmsNorm? InnerNorm'"
        },
        {
            "QLORA0019", ["sealed partial class SmallPart", "sealed partial class ⟦SmallPart⟧", PartLinear, "[Part(\"again\")] public partial SmallPart Again { get; }\n    " + PartLinear],
            "'SmallPart' is, through its [Part] and [Blocks] properties, a part of itself: a model has no end then"
        },
        {
            "QLORA0020", ["public override Activation Forward(ForwardContext context)", "public Activation Backward(ForwardContext context)", Model, "public sealed partial class ⟦SmallModel⟧"],
            "'SmallModel' has no Forward: write 'public override Activation Forward(ForwardContext context) { … }'"
        },
        {
            "QLORA0020", ["public override Activation Forward(Activation x,", "public Activation Backward(Activation x,", "sealed partial class SmallBlock", "sealed partial class ⟦SmallBlock⟧"],
            "'SmallBlock' has no Forward: write 'public override Activation Forward(Activation x, ForwardContext context) { … }'"
        },
        {
            "QLORA0021", ["//END", "[ModelPart]\npublic sealed partial class ⟦Lonely⟧(int x) : ModelPart<SmallConfig>;"],
            "'Lonely' is part of no model: name it in a [Blocks] or [Part] property, or remove it"
        },
        {
            "QLORA0022", ["Linear(\"mlp.up\"", "Linear(⟦\"mlp.{0}.up\"⟧"],
            "The path 'mlp.{0}.up' of 'Up' holds {0}, which only [Blocks] have: remove it"
        },
        {
            "QLORA0003", ["\"ffn_inner\"", "\"ffn_up\"", Model, "public sealed partial class ⟦SmallModel⟧"],
            "'Up' and 'Inside' both claim the path 'blk.{0}.ffn_up': give each its own"
        },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_reported_where_it_is(string id, string[] edits, string message)
    {
        var (source, start, length) = WithMark(edits);
        var diagnostic = Assert.Single(new GeneratorRun(source).Result.Diagnostics);
        AssertDiagnostic(diagnostic, id, message, GeneratorRun.Path, source.Substring(start, length), start, source);
    }

    [Fact]
    public void Two_models_of_one_type_are_reported_at_the_second()
    {
        var other = GeneratorRun.Small.Replace("Tests.Small", "Tests.Other").Replace("SmallModel", "OtherModel");
        var diagnostic = Assert.Single(new GeneratorRun(GeneratorRun.Small, other).Result.Diagnostics);
        var start = other.IndexOf("OtherModel", StringComparison.Ordinal);
        AssertDiagnostic(diagnostic, "QLORA0009", "'SmallModel' and 'OtherModel' both claim model_type 'small': only one of them would be loaded", "Other1.cs", "OtherModel", start, other);
    }

    [Fact]
    public void Every_diagnostic_is_made_by_a_mistake_here()
    {
        var tested = Mistakes.Select(mistake => mistake.Data.Item1).Append("QLORA0009").Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(Descriptors.Ids.Order(StringComparer.Ordinal), tested);
    }

    [Fact]
    public void A_model_that_is_being_typed_never_breaks_the_generator()
    {
        var start = GeneratorRun.Small.IndexOf("[DecoderBlock]", StringComparison.Ordinal);
        var run = new GeneratorRun(GeneratorRun.Small);
        for (var length = start; length < GeneratorRun.Small.Length; length += 37)
        {
            run.Edit(GeneratorRun.Small[..length]);
            Assert.Null(run.Result.Exception);
        }
    }

    /// <summary>The small model with edits, without the marks around the place, and where that is.</summary>
    private static (string Source, int Start, int Length) WithMark(string[] edits)
    {
        var source = GeneratorRun.Small.Replace("    /// <summary>Token ids", "    private static int Mark;\n\n    /// <summary>Token ids") + "//END";
        for (var i = 0; i < edits.Length; i += 2)
        {
            Assert.Contains(edits[i], source);
            source = source.Replace(edits[i], edits[i + 1]);
        }

        var (start, end) = (source.IndexOf('⟦'), source.IndexOf('⟧'));
        Assert.True(start >= 0 && end > start && source.LastIndexOf('⟦') == start);
        return (source.Remove(end, 1).Remove(start, 1), start, end - start - 1);
    }

    private static void AssertDiagnostic(Diagnostic diagnostic, string id, string message, string path, string text, int start, string source)
    {
        Assert.Equal((id, message, id == "QLORA0021" ? DiagnosticSeverity.Warning : DiagnosticSeverity.Error), (diagnostic.Id, diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture), diagnostic.DefaultSeverity));
        Assert.Equal((start, text.Length), (diagnostic.Location.SourceSpan.Start, diagnostic.Location.SourceSpan.Length));
        var place = diagnostic.Location.GetLineSpan();
        Assert.Equal((path, source[..start].Count(c => c == '\n')), (place.Path, place.StartLinePosition.Line));
    }
}
