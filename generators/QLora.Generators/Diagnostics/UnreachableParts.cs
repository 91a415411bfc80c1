using QLora.Generators.Model;

namespace QLora.Generators.Diagnostics;

/// <summary>Finds blocks and parts that no declaration of the compilation names. Where one could not be read, nothing is said: it may have named them.</summary>
internal static class UnreachableParts
{
    public static IEnumerable<DiagnosticSpec> Find(List<ParseResult<ModelSpec>> models, List<ParseResult<PartSpec>> parts)
    {
        if (models.Any(model => model.Spec is null) || parts.Any(part => part.Spec is null)) return [];
        var named = new HashSet<string>(models.SelectMany(model => model.Spec!.Properties).Concat(parts.SelectMany(part => part.Spec!.Properties)).Select(property => property.PartType).OfType<string>());
        return parts
            .Where(part => !named.Contains(part.Spec!.Type.FullName))
            .Select(part => new DiagnosticSpec(Descriptors.Unreachable.Id, part.Place, new EquatableArray<string>([part.Spec!.Type.Name])));
    }
}
