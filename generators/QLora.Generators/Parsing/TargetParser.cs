using Microsoft.CodeAnalysis;
using QLora.Generators.Diagnostics;
using QLora.Generators.Model;

namespace QLora.Generators.Parsing;

/// <summary>Finds the LoRA targets of a model: those of its blocks and their parts, then its own.</summary>
internal static class TargetParser
{
    public static List<TargetSpec> Parse(INamedTypeSymbol model, IEnumerable<ModuleLeaf> modules, Location place, DiagnosticBag diagnostics)
    {
        var targets = modules
            .Where(leaf => leaf is { Kind: ModuleKind.Linear, Declared.Target: not null })
            .Select(leaf => (leaf.Property.Name, leaf.Path, IsHead: AttributeValues.Boolean(leaf.Attribute, "KeepFullPrecision")))
            .Distinct()
            .ToList();
        if (targets.Count == 0) diagnostics.Add(Descriptors.NoTarget, place, model.Name);
        foreach (var alike in targets.GroupBy(target => target.Name))
        {
            if (alike.FirstOrDefault(other => Last(other.Path) != Last(alike.First().Path)) is { Name: not null } other)
            {
                diagnostics.Add(Descriptors.TargetName, place, alike.Key, alike.First().Path, other.Path);
            }
        }

        return [.. targets.GroupBy(target => target.Name).Select(alike => new TargetSpec(alike.Key, PeftName(alike.First(), targets), alike.First().IsHead))];
    }

    /// <summary>The shortest end of the path that means this target alone.</summary>
    private static string PeftName((string Name, string Path, bool IsHead) target, List<(string Name, string Path, bool IsHead)> targets)
    {
        var others = targets.Where(other => other.Name != target.Name).Select(other => other.Path).ToList();
        var parts = target.Path.Split('.');
        var end = parts[parts.Length - 1];
        for (var i = parts.Length - 2; i >= 0 && !parts[i].Contains("{") && others.Any(other => other == end || other.EndsWith("." + end, StringComparison.Ordinal)); i--)
        {
            end = parts[i] + "." + end;
        }

        return end;
    }

    private static string Last(string path) => path.Substring(path.LastIndexOf('.') + 1);
}
