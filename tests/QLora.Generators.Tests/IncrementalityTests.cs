using System.Collections;
using System.Reflection;
using Microsoft.CodeAnalysis;

namespace QLora.Generators.Tests;

/// <summary>Keystrokes that change no declaration make nothing run again, and nothing that is kept between them holds on to a compilation.</summary>
public class IncrementalityTests
{
    private const string Body = "var x = TokenEmbedding.Forward(context);";

    public static TheoryData<string, string, string> Edits => new()
    {
        { "a comment above", "using System.Collections.Generic;", "// a comment\n\nusing System.Collections.Generic;" },
        { "a comment between", "    /// <summary>The layers.</summary>", "    // a comment\n    /// <summary>All the layers.</summary>" },
        { "a method's body", Body, "var y = 1 + 2;\n        " + Body },
        { "another member", "    /// <summary>The norm before the head.</summary>", "    private static int Unrelated => 3;\n\n    /// <summary>The norm before the head.</summary>" },
        { "a config's member that nothing names", "public int Heads { get; init; } = 2;", "public int Heads { get; init; } = 4;" },
    };

    [Theory]
    [MemberData(nameof(Edits))]
    public void An_edit_that_changes_no_declaration_runs_nothing_again(string what, string before, string after)
    {
        var run = new GeneratorRun(GeneratorRun.Small);
        var edited = GeneratorRun.Small.Replace(before, after);
        Assert.NotEqual(GeneratorRun.Small, edited);
        run.Edit(edited);
        AssertNothingRan(run, what);
    }

    [Fact]
    public void Another_file_runs_nothing_again()
    {
        var run = new GeneratorRun(GeneratorRun.Small);
        run.Add("namespace Elsewhere; internal static class Other { public static int Three => 3; }");
        AssertNothingRan(run, "another file");
    }

    [Fact]
    public void A_changed_attribute_of_a_model_emits_the_model_again()
    {
        var run = new GeneratorRun(GeneratorRun.Small);
        run.Edit(GeneratorRun.Small.Replace("Embedding(\"embed\"", "Embedding(\"wte\""));
        Assert.Equal([IncrementalStepRunReason.Modified], Reasons(run, StepNames.Models));
        Assert.DoesNotContain(Reasons(run, StepNames.Blocks), Ran);
        Assert.Contains("\"wte\"", run.Sources["QLora.Generators.Tests.Small.SmallModel.g.cs"]);
    }

    [Fact]
    public void A_changed_attribute_emits_its_own_model_alone()
    {
        var other = GeneratorRun.Small.Replace("Tests.Small", "Tests.Other").Replace("(\"small\"", "(\"other\"");
        var run = new GeneratorRun(GeneratorRun.Small, other);
        run.Edit(GeneratorRun.Small.Replace("Embedding(\"embed\"", "Embedding(\"wte\""));
        Assert.Equal([IncrementalStepRunReason.Modified, IncrementalStepRunReason.Unchanged], Reasons(run, StepNames.Models));
        Assert.DoesNotContain(Reasons(run, StepNames.Blocks).Concat(Reasons(run, StepNames.Parts)), Ran);
    }

    [Fact]
    public void A_changed_attribute_of_a_block_emits_the_block_alone()
    {
        var run = new GeneratorRun(GeneratorRun.Small);
        run.Edit(GeneratorRun.Small.Replace("Gguf = \"attn_norm\"", "Gguf = \"ffn_norm\""));
        Assert.Equal([IncrementalStepRunReason.Modified], Reasons(run, StepNames.Blocks));
        Assert.DoesNotContain(Reasons(run, StepNames.Models), Ran);
        Assert.Contains("\"ffn_norm\"", run.Sources["QLora.Generators.Tests.Small.SmallBlock.g.cs"]);
    }

    [Fact]
    public void A_target_that_a_block_gains_reaches_its_model()
    {
        var run = new GeneratorRun(GeneratorRun.Small.Replace("Out = nameof(SmallConfig.HiddenSize)), LoraTarget]", "Out = nameof(SmallConfig.HiddenSize))]"));
        Assert.DoesNotContain("Down =", run.Sources["QLora.Generators.Tests.Small.SmallModel.g.cs"]);
        run.Edit(GeneratorRun.Small);
        Assert.Equal([IncrementalStepRunReason.Modified], Reasons(run, StepNames.Models));
        Assert.Contains("Down =", run.Sources["QLora.Generators.Tests.Small.SmallModel.g.cs"]);
    }

    [Fact]
    public void What_is_kept_between_keystrokes_holds_no_part_of_a_compilation()
    {
        // With a mistake in it, so that there are diagnostics and places to look into.
        var run = new GeneratorRun(GeneratorRun.Small.Replace("[Linear(\"mlp.down\"", "[Linear(\"mlp.up\""), GeneratorRun.Small.Replace("Tests.Small", "Tests.Other"));
        Assert.NotEmpty(run.Result.Diagnostics);
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        foreach (var name in StepNames.All.Append(StepNames.Projects))
        {
            Assert.True(run.Result.TrackedSteps.ContainsKey(name), $"there is no step {name}");
            foreach (var output in run.Result.TrackedSteps[name].SelectMany(step => step.Outputs)) AssertPlain(output.Value, name, seen);
        }

        Assert.True(seen.Count > 50, $"only {seen.Count} objects were looked at");
    }

    private static void AssertNothingRan(GeneratorRun run, string what)
    {
        Assert.All(StepNames.All, step => Assert.All(Reasons(run, step), reason => Assert.False(Ran(reason), $"{what}: {step} is {reason}")));
        Assert.All(run.Result.TrackedOutputSteps.SelectMany(steps => steps.Value).SelectMany(step => step.Outputs),
            output => Assert.False(Ran(output.Reason), $"{what}: an output is {output.Reason}"));
        Assert.Equal(3, run.Sources.Count);
    }

    private static IncrementalStepRunReason[] Reasons(GeneratorRun run, string step) => [.. run.Result.TrackedSteps[step].SelectMany(tracked => tracked.Outputs).Select(output => output.Reason)];

    private static bool Ran(IncrementalStepRunReason reason) => reason is not (IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged);

    /// <summary>Walks over everything that an object reaches.</summary>
    private static void AssertPlain(object? node, string step, HashSet<object> seen)
    {
        if (node is null || node.GetType().IsPrimitive || node.GetType().IsEnum || node is string || !seen.Add(node)) return;
        Assert.False(node is Compilation or ISymbol or SyntaxNode or SyntaxTree or SemanticModel or Location or Diagnostic or AttributeData, $"{step} keeps {node.GetType()}");
        if (node is IEnumerable items)
        {
            foreach (var item in items) AssertPlain(item, step, seen);
        }

        for (var type = node.GetType(); type is not null && type != typeof(object); type = type.BaseType)
        {
            if (type.Namespace?.StartsWith("QLora", StringComparison.Ordinal) != true) continue;
            foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)) AssertPlain(field.GetValue(node), step, seen);
        }
    }
}
