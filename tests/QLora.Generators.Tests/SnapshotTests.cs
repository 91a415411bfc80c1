namespace QLora.Generators.Tests;

/// <summary>
/// What is generated for the small model, to the letter. After a change that is meant, run these tests with <c>QLORA_UPDATE_SNAPSHOTS=1</c> and read the difference before committing it.
/// </summary>
public class SnapshotTests
{
    private static readonly string Folder = Path.Combine(TestData.Root, "tests", "QLora.Generators.Tests", "Snapshots");

    [Theory]
    [InlineData("QLora.Generators.Tests.Small.SmallModel.g.cs")]
    [InlineData("QLora.Generators.Tests.Small.SmallBlock.g.cs")]
    [InlineData("QLora.Generators.Tests.Small.SmallPart.g.cs")]
    public void Emitted_source_is_the_recorded_one(string name)
    {
        var emitted = new GeneratorRun(GeneratorRun.Small).Sources[name];
        var path = Path.Combine(Folder, name + ".txt");
        if (Environment.GetEnvironmentVariable("QLORA_UPDATE_SNAPSHOTS") == "1") File.WriteAllText(path, emitted);
        Assert.Equal(File.ReadAllText(path), emitted);
    }

    [Fact]
    public void Nothing_else_is_emitted() => Assert.Equal(
        Directory.GetFiles(Folder).Select(path => Path.GetFileNameWithoutExtension(path)!).Order(StringComparer.Ordinal),
        new GeneratorRun(GeneratorRun.Small).Sources.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void It_compiles_with_nullable_and_warnings_as_errors()
    {
        var run = new GeneratorRun(GeneratorRun.Small);
        Assert.Empty(run.Result.Diagnostics);
        Assert.Empty(run.CompilerDiagnostics);
    }

    [Fact]
    public void Declarations_of_every_shape_compile()
    {
        // No namespace; a head that is always tied; no block's layer a target, so that all-linear is nothing; names and paths that need care in literals and documentation.
        var source = GeneratorRun.Small
            .Replace("namespace QLora.Generators.Tests.Small;", "")
            .Replace("        TiedWhen = nameof(SmallConfig.TieWordEmbeddings), KeepFullPrecision", "        KeepFullPrecision")
            .Replace("\"ffn_up\", GgufRotaryHeads = nameof(SmallConfig.Heads)), LoraTarget]", "\"ffn_up\")]")
            .Replace("Out = nameof(SmallConfig.HiddenSize)), LoraTarget]", "Out = nameof(SmallConfig.HiddenSize))]")
            .Replace("Transposed = true), LoraTarget]", "Transposed = true)]")
            .Replace("[Blocks(\"layers.{0}\"", "[Blocks(\"a\\\\\\\"{x}<&.{0}.inner\"");
        Assert.NotEqual(GeneratorRun.Small, source);
        var run = new GeneratorRun(source);
        Assert.Empty(run.Result.Diagnostics);
        Assert.Empty(run.CompilerDiagnostics);
        Assert.Contains("AllLinear = None,", run.Sources["SmallModel.g.cs"]);
        Assert.Contains("TiedTo = TokenEmbeddingSpec(config, path).Path", run.Sources["SmallModel.g.cs"]);
    }

    [Fact]
    public void Two_namespaces_may_have_a_model_of_one_name()
    {
        var other = GeneratorRun.Small.Replace("QLora.Generators.Tests.Small", "Elsewhere").Replace("(\"small\"", "(\"other\"");
        var run = new GeneratorRun(GeneratorRun.Small, other);
        Assert.Empty(run.Result.Diagnostics);
        Assert.Empty(run.CompilerDiagnostics);
        Assert.Contains("Elsewhere.SmallModel.g.cs", run.Sources.Keys);
    }

    [Fact]
    public void Targets_whose_names_end_alike_keep_their_paths()
    {
        var source = GeneratorRun.Small.Replace("[Linear(\"mlp.down\"", "[Linear(\"other.up\"");
        var model = new GeneratorRun(source).Sources["QLora.Generators.Tests.Small.SmallModel.g.cs"];
        Assert.Contains("names.Add(\"mlp.up\");", model);
        Assert.Contains("names.Add(\"other.up\");", model);
        Assert.Contains("names.Add(\"lm_head\");", model);
    }
}
