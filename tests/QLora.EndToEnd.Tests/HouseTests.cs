using System.Text.RegularExpressions;
using System.Xml.Linq;
using QLora.Testing;

namespace QLora.Tests;

/// <summary>The house's floors, read from the project files: who may reference whom, which packages each room uses, what every project states.</summary>
public class HouseTests
{
    /// <summary>A shipped project may reference those on floors below its own.</summary>
    private static readonly Dictionary<string, int> Floors = new()
    {
        ["QLora.Core"] = 0,
        ["QLora.Cpu"] = 1,
        ["QLora.Gpu"] = 1,
        ["QLora"] = 2,
        ["QLora.Cli"] = 3,
    };

    /// <summary>The packages that each project may reference; a new one must earn its place here.</summary>
    private static readonly Dictionary<string, string[]> Packages = new()
    {
        ["QLora.Core"] = ["System.Numerics.Tensors"],
        ["QLora.Cpu"] = [],
        ["QLora.Gpu"] = ["ILGPU", "ILGPU.Algorithms"],
        ["QLora"] = ["Microsoft.ML.Tokenizers", "Google.Protobuf"], // the second is what the first is built on
        ["QLora.Cli"] = ["System.CommandLine", "Spectre.Console"],
        ["QLora.Generators"] = ["Microsoft.CodeAnalysis.CSharp", "Microsoft.CodeAnalysis.Analyzers"],
        ["QLora.CodeFixes"] = ["Microsoft.CodeAnalysis.CSharp.Workspaces", "Microsoft.CodeAnalysis.Analyzers"],
        ["QLora.Benchmarks"] =
        [
            "BenchmarkDotNet", "Microsoft.CodeAnalysis.CSharp",
            "TorchSharp", "libtorch-cpu-linux-x64", "libtorch-cpu-win-x64", "libtorch-cpu-osx-arm64", // with -p:Peers=true alone
        ],
        ["QLora.Generators.Tests"] = ["Microsoft.CodeAnalysis.CSharp", "Microsoft.CodeAnalysis.CSharp.Workspaces", .. TestPackages],
    };

    /// <summary>What the compiler and editors load. The generator must not know workspaces, which the compiler has not.</summary>
    private static readonly string[] CompilerParts = ["QLora.CodeFixes", "QLora.Generators"];

    private static readonly string[] SupportOfTests = ["QLora.Testing", "QLora.Backends.TestSuite"];

    private static string[] TestPackages => ["xunit.v3", "xunit.v3.assert", "xunit.v3.extensibility.core", "CsCheck", "FsCheck"];

    [Fact]
    public void Shipped_projects_refer_downwards_only()
    {
        foreach (var project in Projects("src"))
        {
            Assert.True(Floors.TryGetValue(project.Name, out var floor), $"{project.Name} stands on no floor: name one here and in CONTRIBUTING.md");
            foreach (var reference in project.References)
            {
                Assert.True(Floors.TryGetValue(reference, out var below) && below < floor, $"{project.Name} must not reference {reference}");
            }
        }
    }

    [Fact]
    public void The_generator_and_its_fixes_refer_to_nobody_and_are_built_for_the_compiler()
    {
        Assert.Equal(CompilerParts, Projects("generators").Select(project => project.Name));
        Assert.All(Projects("generators"), project => Assert.Empty(project.References));
    }

    [Fact]
    public void Tests_and_benchmarks_refer_to_what_is_shipped_and_to_the_support_of_tests()
    {
        foreach (var project in Projects("tests").Concat(Projects("bench")))
        {
            foreach (var reference in project.References)
            {
                Assert.True(Floors.ContainsKey(reference) || CompilerParts.Contains(reference) || SupportOfTests.Contains(reference), $"{project.Name} must not reference {reference}");
            }
        }
    }

    [Fact]
    public void Every_project_states_its_target_and_is_in_the_solution()
    {
        var solution = File.ReadAllText(Path.Combine(TestData.Root, "QLora.sln"));
        foreach (var project in AllProjects())
        {
            Assert.Equal(CompilerParts.Contains(project.Name) ? "netstandard2.0" : "net10.0", project.Property("TargetFramework"));
            Assert.Contains($"\"{project.Path.Replace('/', '\\')}\"", solution.Replace('/', '\\'));
        }
    }

    [Fact]
    public void Each_project_uses_the_packages_of_its_room_in_the_versions_of_the_central_list()
    {
        var central = XDocument.Load(Path.Combine(TestData.Root, "Directory.Packages.props")).Descendants("PackageVersion").Select(item => item.Attribute("Include")!.Value).ToHashSet();
        foreach (var project in AllProjects())
        {
            var allowed = Packages.GetValueOrDefault(project.Name, TestPackages);
            foreach (var package in project.Document.Descendants("PackageReference"))
            {
                var name = package.Attribute("Include")!.Value;
                Assert.True(allowed.Contains(name), $"{project.Name} must not use the package {name}");
                Assert.True(central.Contains(name), $"{name} of {project.Name} has no version in Directory.Packages.props");
                Assert.True(package.Attribute("Version") is null && package.Attribute("VersionOverride") is null, $"{project.Name} gives {name} a version of its own");
            }
        }
    }

    [Fact]
    public void Only_the_gpu_backend_speaks_to_ILGPU()
    {
        foreach (var project in AllProjects().Where(project => project.Name is not ("QLora.Gpu" or "QLora.Gpu.Tests")))
        {
            Assert.DoesNotContain(project.Document.Descendants("PackageReference"), package => package.Attribute("Include")!.Value.StartsWith("ILGPU", StringComparison.Ordinal));
            foreach (var source in project.Sources)
            {
                Assert.False(Regex.IsMatch(File.ReadAllText(source), @"^\s*(global\s+)?using\s+(static\s+)?ILGPU\b", RegexOptions.Multiline), $"{source} uses ILGPU");
            }
        }
    }

    private static IEnumerable<Project> AllProjects() => new[] { "src", "generators", "tests", "bench" }.SelectMany(Projects);

    private static IEnumerable<Project> Projects(string room)
    {
        var files = Directory.GetFiles(Path.Combine(TestData.Root, room), "*.csproj", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        return files.Order(StringComparer.Ordinal).Select(file => new Project(Path.GetRelativePath(TestData.Root, file).Replace('\\', '/'), XDocument.Load(file)));
    }

    private sealed record Project(string Path, XDocument Document)
    {
        public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);

        public IEnumerable<string> References => Document.Descendants("ProjectReference").Select(item => System.IO.Path.GetFileNameWithoutExtension(item.Attribute("Include")!.Value.Replace('\\', '/')));

        public IEnumerable<string> Sources
        {
            get
            {
                var folder = System.IO.Path.GetDirectoryName(System.IO.Path.Combine(TestData.Root, Path))!;
                return Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories).Where(file => !Regex.IsMatch(file[folder.Length..], @"[\\/](bin|obj)[\\/]"));
            }
        }

        public string? Property(string name) => Document.Descendants(name).SingleOrDefault()?.Value;
    }
}
