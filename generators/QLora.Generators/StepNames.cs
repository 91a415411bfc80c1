namespace QLora.Generators;

/// <summary>The steps of the pipeline that tests watch.</summary>
internal static class StepNames
{
    public const string Models = nameof(Models);
    public const string Blocks = nameof(Blocks);
    public const string ModelSpecs = nameof(ModelSpecs);
    public const string BlockSpecs = nameof(BlockSpecs);
}
