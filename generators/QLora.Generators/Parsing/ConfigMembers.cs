using Microsoft.CodeAnalysis;
using QLora.Generators.Diagnostics;

namespace QLora.Generators.Parsing;

/// <summary>Resolves the config members that an attribute names, with base classes, and reports those that are not there or of another type.</summary>
internal sealed class ConfigMembers(IPropertySymbol property, AttributeData attribute, INamedTypeSymbol config, DiagnosticBag diagnostics)
{
    public string Integer(string argument) => Check(argument, AttributeValues.String(attribute, argument) ?? "", SpecialType.System_Int32, "int");

    public string Float(string argument) => Check(argument, AttributeValues.String(attribute, argument) ?? "", SpecialType.System_Single, "float");

    public string? OptionalInteger(string argument) => Optional(argument, SpecialType.System_Int32, "int");

    public string? OptionalBoolean(string argument) => Optional(argument, SpecialType.System_Boolean, "bool");

    /// <summary>The expression of a condition: a Boolean member, or where there is a layer a method of its number.</summary>
    public string? Condition(string argument, bool hasLayer)
    {
        if (AttributeValues.String(attribute, argument) is not { } member) return null;
        if (hasLayer && Members<IMethodSymbol>().Any(method => method.Name == member && IsOfLayer(method))) return $"config.{member}(layer)";
        return $"config.{Check(argument, member, SpecialType.System_Boolean, "bool")}";
    }

    private string? Optional(string argument, SpecialType type, string typeName)
        => AttributeValues.String(attribute, argument) is { } member ? Check(argument, member, type, typeName) : null;

    private string Check(string argument, string member, SpecialType type, string typeName)
    {
        var fitting = Members<IPropertySymbol>().Where(candidate => candidate is { IsIndexer: false, GetMethod: not null } && candidate.Type.SpecialType == type)
            .Select(candidate => candidate.Name).Distinct().OrderBy(name => name, StringComparer.Ordinal).ToList();
        if (!fitting.Contains(member))
        {
            diagnostics.Add(
                Descriptors.ConfigMember, AttributeValues.Place(attribute, argument) ?? property.Locations.FirstOrDefault(),
                argument, property.Name, member, config.Name, typeName, string.Join(", ", fitting));
        }

        return member;
    }

    private static bool IsOfLayer(IMethodSymbol method)
        => method is { ReturnType.SpecialType: SpecialType.System_Boolean, Parameters: { Length: 1 } parameters } && parameters[0].Type.SpecialType == SpecialType.System_Int32;

    private IEnumerable<T> Members<T>() where T : class, ISymbol
    {
        for (var type = config; type is not null; type = type.BaseType)
        {
            foreach (var member in type.GetMembers().OfType<T>().Where(IsReadable)) yield return member;
        }
    }

    private static bool IsReadable(ISymbol member)
        => member is { IsStatic: false, DeclaredAccessibility: Accessibility.Public or Accessibility.Internal or Accessibility.ProtectedOrInternal };
}
