using Microsoft.CodeAnalysis;
using QLora.Generators.Diagnostics;
using QLora.Generators.Model;

namespace QLora.Generators.Parsing;

/// <summary>Finds the LoRA targets of a model: those of its blocks, then its own.</summary>
internal static class TargetParser
{
    public static List<TargetSpec> Parse(INamedTypeSymbol model, Location place, DiagnosticBag diagnostics)
    {
        var targets = Linears(model).Distinct().ToList();
        if (targets.Count == 0) diagnostics.Add(Descriptors.NoTarget, place, model.Name);
        foreach (var name in targets.GroupBy(target => target.Name).Where(name => name.Count() > 1))
        {
            diagnostics.Add(Descriptors.TargetName, place, name.Key, name.First().Path, name.ElementAt(1).Path);
        }

        return [.. targets.Select(target => new TargetSpec(target.Name, PeftName(target.Path, targets), target.IsHead))];
    }

    /// <summary>The shortest name that means this target alone: the last part of its path, unless another target's ends alike.</summary>
    private static string PeftName(string path, List<(string Name, string Path, bool IsHead)> targets)
    {
        var last = path.Substring(path.LastIndexOf('.') + 1);
        return targets.Count(target => target.Path == last || target.Path.EndsWith("." + last, StringComparison.Ordinal)) > 1 ? path : last;
    }

    private static IEnumerable<(string Name, string Path, bool IsHead)> Linears(INamedTypeSymbol model)
    {
        var properties = model.GetMembers().OfType<IPropertySymbol>().ToList();
        var blocks = properties
            .Where(property => AttributeValues.Find(property, "BlocksAttribute") is not null)
            .Select(property => PropertyParser.ElementType(property.Type))
            .OfType<INamedTypeSymbol>();
        foreach (var property in blocks.SelectMany(block => block.GetMembers().OfType<IPropertySymbol>()).Concat(properties))
        {
            if (AttributeValues.Find(property, "LoraTargetAttribute") is null || AttributeValues.Find(property, "LinearAttribute") is not { } linear) continue;
            yield return (property.Name, AttributeValues.First(linear), AttributeValues.Boolean(linear, "KeepFullPrecision"));
        }
    }
}
