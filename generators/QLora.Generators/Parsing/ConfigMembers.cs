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
        if (hasLayer && Has<IMethodSymbol>(member, IsOfLayer)) return $"config.{member}(layer)";
        return $"config.{Check(argument, member, SpecialType.System_Boolean, "bool")}";
    }

    private string? Optional(string argument, SpecialType type, string typeName)
        => AttributeValues.String(attribute, argument) is { } member ? Check(argument, member, type, typeName) : null;

    private string Check(string argument, string member, SpecialType type, string typeName)
    {
        if (!Has<IPropertySymbol>(member, candidate => Fits(candidate, type)))
        {
            diagnostics.Add(
                Descriptors.ConfigMember, AttributeValues.Place(attribute, argument) ?? property.Locations.FirstOrDefault(),
                argument, property.Name, member, config.Name, typeName, string.Join(", ", Fitting(type)));
        }

        return member;
    }

    private static bool Fits(IPropertySymbol candidate, SpecialType type) => candidate is { IsIndexer: false, GetMethod: not null } && candidate.Type.SpecialType == type;

    private static bool IsOfLayer(IMethodSymbol method)
        => method is { ReturnType.SpecialType: SpecialType.System_Boolean, Parameters: { Length: 1 } parameters } && parameters[0].Type.SpecialType == SpecialType.System_Int32;

    private bool Has<T>(string name, Func<T, bool> fits) where T : class, ISymbol
    {
        for (var type = config; type is not null; type = type.BaseType)
        {
            foreach (var member in type.GetMembers(name))
            {
                if (member is T candidate && IsReadable(member) && fits(candidate)) return true;
            }
        }

        return false;
    }

    /// <summary>The members that could have been named, for the message.</summary>
    private IEnumerable<string> Fitting(SpecialType type)
    {
        var members = new List<ISymbol>();
        for (var part = config; part is not null; part = part.BaseType) members.AddRange(part.GetMembers());
        return members.OfType<IPropertySymbol>().Where(candidate => IsReadable(candidate) && Fits(candidate, type))
            .Select(candidate => candidate.Name).Distinct().OrderBy(name => name, StringComparer.Ordinal);
    }

    private static bool IsReadable(ISymbol member)
        => member is { IsStatic: false, DeclaredAccessibility: Accessibility.Public or Accessibility.Internal or Accessibility.ProtectedOrInternal };
}
