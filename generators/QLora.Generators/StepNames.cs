namespace QLora.Generators;

/// <summary>The steps of the pipeline that tests watch.</summary>
internal static class StepNames
{
    public const string Models = nameof(Models);
    public const string Blocks = nameof(Blocks);
    public const string Parts = nameof(Parts);
    public const string ModelDiagnostics = nameof(ModelDiagnostics);
    public const string BlockDiagnostics = nameof(BlockDiagnostics);
    public const string PartDiagnostics = nameof(PartDiagnostics);
    public const string DuplicateModelTypes = nameof(DuplicateModelTypes);
    public const string UnreachableParts = nameof(UnreachableParts);

    /// <summary>The steps that the output depends on: an edit that changes no declaration leaves each of them as it was.</summary>
    public static readonly string[] All = [Models, Blocks, Parts, ModelDiagnostics, BlockDiagnostics, PartDiagnostics, DuplicateModelTypes, UnreachableParts];

    /// <summary>What the parser made of each class, with its place in the file, which moves when a line is added above.</summary>
    public static readonly string[] Parsed = [ParsedModels, ParsedBlocks, ParsedParts];

    public const string ParsedModels = nameof(ParsedModels);
    public const string ParsedBlocks = nameof(ParsedBlocks);
    public const string ParsedParts = nameof(ParsedParts);
}
