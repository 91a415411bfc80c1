using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using QLora.Generators.Model;

namespace QLora.Generators.Parsing;

/// <summary>A project at one moment, and what it declares, which is read once.</summary>
/// <remarks>
/// <para>
/// Every keystroke makes a new compilation in which nothing is bound yet, and binding the attributes of all declared classes again costs far more than a keystroke may. So the
/// pipeline keeps what was read until something changed that could change its meaning; <see cref="Comparer"/> decides. What counts as a change is everything outside the bodies of
/// methods and accessors and the initial values of fields that are no constants, in any file: a member, a type, a base, an attribute, a constant, a using, an alias, <c>#nullable</c>,
/// and also files, references and options. No dependencies are tracked, so none can be forgotten; in return a change to any member of any file reads everything again.
/// </para>
/// <para>
/// References count as changed when they are other objects, as editors and the compiler make them for changed files. An assembly overwritten on disk behind the same object goes
/// unseen, by the compiler as well.
/// </para>
/// <para>
/// Diagnostics say where they are, and even an edit in a body moves that; while there are any, every edit in the files they are in reads everything again.
/// </para>
/// <para>The compilation is let go as soon as it was read. Files and references stay, to compare the next with; a file shares all that was not edited with its successor.</para>
/// </remarks>
internal sealed class Project(CSharpCompilation compilation)
{
    private readonly object _gate = new();
    private readonly ImmutableArray<SyntaxTree> _files = compilation.SyntaxTrees;
    private readonly ImmutableArray<MetadataReference> _references = compilation.ExternalReferences;
    private readonly CSharpCompilationOptions _options = compilation.Options;
    private readonly string? _name = compilation.AssemblyName;
    private CSharpCompilation? _compilation = compilation;
    private Declarations? _declarations;

    /// <summary>What is declared.</summary>
    public Declarations Read(CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (_declarations is not null) return _declarations;
            _declarations = DeclarationReader.Read(_compilation!, cancellation);
            _compilation = null;
            return _declarations;
        }
    }

    /// <summary>Whether what was read of this project holds for a later state of it.</summary>
    private bool HoldsFor(Project later)
    {
        Declarations? declarations;
        lock (_gate) declarations = _declarations;
        return declarations is not null && _name == later._name && _references.SequenceEqual(later._references) && _options.Equals(later._options)
            && TopLevel.AreAlike(_files, later._files) && !MovesDiagnostics(declarations, later);
    }

    private bool MovesDiagnostics(Declarations declarations, Project later)
    {
        if (declarations.Diagnostics.Count == 0) return false;
        var files = new HashSet<string?>(declarations.Diagnostics.Select(diagnostic => diagnostic.Location?.Path));
        return _files.Where((file, i) => file != later._files[i] && files.Contains(file.FilePath)).Any();
    }

    /// <summary>Takes a project for unchanged while what was read of it still holds. Asked by the pipeline with the earlier state first.</summary>
    public sealed class Comparer : IEqualityComparer<Project>
    {
        public static readonly Comparer Instance = new();

        public bool Equals(Project before, Project after) => ReferenceEquals(before, after) || before.HoldsFor(after);

        public int GetHashCode(Project project) => project._files.Length;
    }
}
