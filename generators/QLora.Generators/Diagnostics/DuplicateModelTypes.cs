using QLora.Generators.Model;

namespace QLora.Generators.Diagnostics;

/// <summary>Finds models of one compilation that claim the same model_type.</summary>
internal static class DuplicateModelTypes
{
    public static IEnumerable<DiagnosticSpec> Find(IEnumerable<ParseResult<ModelSpec>> models) => models
        .Where(result => result.Spec is not null)
        .GroupBy(result => result.Spec!.ModelType)
        .SelectMany(group => group.Skip(1).Select(second => new DiagnosticSpec(
            Descriptors.DuplicateModelType.Id, second.Place, new EquatableArray<string>([group.First().Spec!.Type.Name, second.Spec!.Type.Name, group.Key]))));
}
