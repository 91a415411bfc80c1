namespace QLora.Testing;

/// <summary>Where tests find reference data: beside themselves when they were published, in the repository, or in the folder <c>shared</c> beside it.</summary>
public static class TestData
{
    private static readonly string? Repository = FindRepository();

    /// <summary>The root of the repository.</summary>
    public static string Root => Repository ?? throw new InvalidOperationException($"no QLora.sln above {AppContext.BaseDirectory}");

    /// <summary>The path of a file or folder of the reference data, such as <c>quant/blockwise.safetensors</c>. Third-party parts are not in the repository: the test is skipped without them.</summary>
    public static string Golden(string path)
    {
        var published = Path.Combine(AppContext.BaseDirectory, "goldens", path);
        if (Path.Exists(published)) return published;
        var own = Path.Combine(Root, "tests", "goldens", path);
        return Path.Exists(own) ? own : Shared(Path.Combine("goldens", path));
    }

    /// <summary>The path of a file or folder under <c>shared</c>; the test is skipped when it is not there, and fails instead where <c>QLORA_REQUIRE_SHARED</c> is set.</summary>
    public static string Shared(string path)
    {
        for (var folder = new DirectoryInfo(Root).Parent; folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "shared", path);
            if (Path.Exists(candidate)) return candidate;
        }

        var given = Environment.GetEnvironmentVariable("QLORA_SHARED");
        if (given is not null && Path.Exists(Path.Combine(given, path))) return Path.Combine(given, path);
        if (Environment.GetEnvironmentVariable("QLORA_REQUIRE_SHARED") is not null) Assert.Fail($"shared/{path} is required here and is not beside the repository");
        Assert.Skip($"shared/{path} is not beside the repository");
        throw new InvalidOperationException("not reached");
    }

    private static string? FindRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "QLora.sln"))) return folder.FullName;
        }

        return null;
    }
}
