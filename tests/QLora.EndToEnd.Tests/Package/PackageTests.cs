using System.IO.Compression;
using System.Text.Json;
using QLora.Adapters;
using QLora.EndToEnd.Tests.Cli;

namespace QLora.EndToEnd.Tests.Package;

/// <summary>Whoever adds the package to a project declares a model there, and has the rest generated.</summary>
public class PackageTests(PackedFeed feed) : IClassFixture<PackedFeed>
{
    [Fact]
    public void The_package_brings_the_generator_the_documentation_and_what_it_depends_on()
    {
        var packages = Directory.EnumerateFiles(feed.Folder["feed"]).Select(Path.GetFileName).Order(StringComparer.Ordinal).ToList();
        Assert.Collection(packages,
            package => Assert.StartsWith("QLora.0", package, StringComparison.Ordinal),
            package => Assert.StartsWith("QLora.Core.0", package, StringComparison.Ordinal),
            package => Assert.StartsWith("QLora.Cpu.0", package, StringComparison.Ordinal),
            package => Assert.StartsWith("QLora.Gpu.0", package, StringComparison.Ordinal));
        using var archive = ZipFile.OpenRead(Path.Combine(feed.Folder["feed"], packages[0]!));
        var files = archive.Entries.Select(entry => entry.FullName).ToList();
        Assert.Superset(
            new HashSet<string> { "analyzers/dotnet/cs/QLora.Generators.dll", "analyzers/dotnet/cs/QLora.CodeFixes.dll", "lib/net10.0/QLora.dll", "lib/net10.0/QLora.xml", "README.md" },
            files.ToHashSet());
        using var nuspec = new StreamReader(archive.GetEntry("QLora.nuspec")!.Open());
        Assert.Contains("<license type=\"expression\">MIT</license>", nuspec.ReadToEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_of_ones_own_is_declared_and_trained()
    {
        var build = feed.Build();
        Assert.True(build.ExitCode == 0, build.Output + build.Error);
        var result = feed.Dotnet(feed.Folder["bin/consumer.dll"], feed.Folder["adapter"]).Succeeded().Json;

        var losses = result.GetProperty("losses").EnumerateArray().Select(loss => loss.GetDouble()).ToList();
        Assert.Equal(2, losses.Count);
        Assert.All(losses, loss => Assert.True(double.IsFinite(loss) && loss > 0, $"the loss is {loss}"));
        Assert.True(losses[1] < losses[0], $"the loss went from {losses[0]} to {losses[1]}");

        const int Rank = 4, Hidden = 8, Inner = 12, Layers = 2;
        Assert.Equal(Layers * Rank * ((Hidden + Hidden) + (Hidden + Inner) + (Inner + Hidden)), result.GetProperty("trainable").GetInt32());
        Assert.Equal(["query", "gate", "down"], LoraConfig.Load(feed.Folder["adapter"]).TargetModules.NameList!);
        Assert.True(new FileInfo(feed.Folder["adapter/adapter_model.safetensors"]).Length > 0);
    }

    [Theory]
    [InlineData("public partial Linear Gate { get; }", "public Linear Gate { get; } = null!;", "QLORA0002", "'Gate' must be a partial property", "Linear Gate")]
    [InlineData("Out = nameof(TandemConfig.Inner)", "Out = \"Outer\"", "QLORA0007", "'Out' of 'Gate' names 'Outer', but TandemConfig has no such member of type int", "Out = \"Outer\"")]
    public void A_mistake_in_the_declaration_is_an_error_of_the_build_with_its_place(string before, string after, string id, string message, string place)
    {
        var build = feed.Build(before, after);
        Assert.Equal(1, build.ExitCode);
        var line = 1 + File.ReadLines(feed.Folder["TandemModel.cs"]).TakeWhile(text => !text.Contains(place, StringComparison.Ordinal)).Count();
        Assert.Contains(build.Output.Split('\n'), text => text.Contains($"TandemModel.cs({line},", StringComparison.Ordinal)
            && text.Contains($"error {id}: {message}", StringComparison.Ordinal));
    }
}
