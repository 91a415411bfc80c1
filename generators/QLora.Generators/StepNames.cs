namespace QLora.Generators;

/// <summary>The steps of the pipeline that tests watch.</summary>
internal static class StepNames
{
    public const string Declarations = nameof(Declarations);
    public const string Models = nameof(Models);
    public const string Blocks = nameof(Blocks);
    public const string Parts = nameof(Parts);
    public const string Diagnostics = nameof(Diagnostics);

    /// <summary>The steps that the output depends on: an edit that changes no declaration leaves each of them as it was.</summary>
    public static readonly string[] All = [Declarations, Models, Blocks, Parts, Diagnostics];

    /// <summary>What the declarations are read from: another state when anything outside of bodies changed, in whatever file.</summary>
    public const string Projects = nameof(Projects);
}
