using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace QLora.Generators.Parsing;

/// <summary>What the syntax of one file says before anything is bound: the classes with attributes, and the names that stand for others. Remembered while the file stays as it is.</summary>
internal sealed class FileSyntax
{
    private static readonly ConditionalWeakTable<SyntaxTree, FileSyntax> Known = new();

    private readonly List<ClassDeclarationSyntax> _classes = [];
    private readonly List<string> _aliases = [];

    /// <summary>Classes that have attributes, nested ones too, in order.</summary>
    public IReadOnlyList<ClassDeclarationSyntax> Classes => _classes;

    /// <summary>Names that <c>using</c> gives to something else, which may be an attribute.</summary>
    public IReadOnlyList<string> Aliases => _aliases;

    /// <summary>Reads a file; only down to types, never into their members.</summary>
    public static FileSyntax Of(SyntaxTree tree, CancellationToken cancellation)
    {
        if (Known.TryGetValue(tree, out var known)) return known;
        var root = (CompilationUnitSyntax)tree.GetRoot(cancellation);
        var file = new FileSyntax();
        file.AddAliases(root.Usings);
        file.AddTypes(root.Members);
        return Known.GetValue(tree, _ => file);
    }

    /// <summary>Whether a class has an attribute that is named one of these ways.</summary>
    public static bool HasAttribute(ClassDeclarationSyntax type, HashSet<string> names)
    {
        foreach (var list in type.AttributeLists)
        {
            foreach (var attribute in list.Attributes)
            {
                if (names.Contains(LastName(attribute.Name))) return true;
            }
        }

        return false;
    }

    private static string LastName(NameSyntax name) => name switch
    {
        QualifiedNameSyntax qualified => qualified.Right.Identifier.ValueText,
        AliasQualifiedNameSyntax qualified => qualified.Name.Identifier.ValueText,
        _ => ((SimpleNameSyntax)name).Identifier.ValueText,
    };

    private void AddAliases(SyntaxList<UsingDirectiveSyntax> usings)
    {
        foreach (var directive in usings)
        {
            if (directive.Alias is { } alias) _aliases.Add(alias.Name.Identifier.ValueText);
        }
    }

    private void AddTypes(SyntaxList<MemberDeclarationSyntax> members)
    {
        foreach (var member in members)
        {
            if (member is BaseNamespaceDeclarationSyntax space)
            {
                AddAliases(space.Usings);
                AddTypes(space.Members);
            }
            else if (member is TypeDeclarationSyntax type)
            {
                if (type is ClassDeclarationSyntax { AttributeLists.Count: > 0 } declared) _classes.Add(declared);
                AddTypes(type.Members);
            }
        }
    }
}
