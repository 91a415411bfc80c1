namespace QLora.Generators;

/// <summary>The steps of the pipeline that tests watch.</summary>
internal static class StepNames
{
    public const string Models = nameof(Models);
    public const string Blocks = nameof(Blocks);
    public const string ModelDiagnostics = nameof(ModelDiagnostics);
    public const string BlockDiagnostics = nameof(BlockDiagnostics);
    public const string DuplicateModelTypes = nameof(DuplicateModelTypes);

    /// <summary>The steps that the output depends on: an edit that changes no declaration leaves each of them as it was.</summary>
    public static readonly string[] All = [Models, Blocks, ModelDiagnostics, BlockDiagnostics, DuplicateModelTypes];

    /// <summary>What the parser made of each class, with its place in the file, which moves when a line is added above.</summary>
    public const string ParsedModels = nameof(ParsedModels);

    /// <inheritdoc cref="ParsedModels"/>
    public const string ParsedBlocks = nameof(ParsedBlocks);
}
