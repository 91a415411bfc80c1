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

    private string? Optional(string argument, SpecialType type, string typeName)
        => AttributeValues.String(attribute, argument) is { } member ? Check(argument, member, type, typeName) : null;

    private string Check(string argument, string member, SpecialType type, string typeName)
    {
        var fitting = Members().Where(candidate => candidate.Type.SpecialType == type).Select(candidate => candidate.Name).Distinct().OrderBy(name => name, StringComparer.Ordinal).ToList();
        if (!fitting.Contains(member))
        {
            diagnostics.Add(Descriptors.ConfigMember, property.Locations.FirstOrDefault(), argument, property.Name, member, config.Name, typeName, string.Join(", ", fitting));
        }

        return member;
    }

    private static bool IsReadable(IPropertySymbol member)
        => member is { IsStatic: false, GetMethod: not null, DeclaredAccessibility: Accessibility.Public or Accessibility.Internal or Accessibility.ProtectedOrInternal };

    private IEnumerable<IPropertySymbol> Members()
    {
        for (var type = config; type is not null; type = type.BaseType)
        {
            foreach (var member in type.GetMembers().OfType<IPropertySymbol>().Where(IsReadable)) yield return member;
        }
    }
}
