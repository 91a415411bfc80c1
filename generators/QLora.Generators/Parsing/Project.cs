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
/// <para>
/// Nothing is kept alive between keystrokes: the compilation is let go as soon as it was read, and files and references, to compare the next state with, are held weakly. The latest
/// state of each is the editor's as well; where one is gone all the same, everything is read again.
/// </para>
/// </remarks>
internal sealed class Project(CSharpCompilation compilation)
{
    private readonly object _gate = new();
    private readonly int _fileCount = compilation.SyntaxTrees.Length;
    private WeakReference<SyntaxTree>[] _files = Weakly(compilation.SyntaxTrees);
    private readonly WeakReference<MetadataReference>[] _references = Weakly(compilation.ExternalReferences);
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

    /// <summary>Whether what was read of this project holds for a later state of it, whose files are then compared with the next.</summary>
    private bool HoldsFor(Project later)
    {
        lock (_gate)
        {
            if (_declarations is null || _name != later._name || !_options.Equals(later._options)) return false;
            if (Living(_references) is not { } references || Living(later._references) is not { } laterReferences || !references.SequenceEqual(laterReferences)) return false;
            if (Living(_files) is not { } files || Living(later._files) is not { } laterFiles) return false;
            if (!TopLevel.AreAlike(files, laterFiles) || MovesDiagnostics(_declarations, files, laterFiles)) return false;
            _files = later._files;
            return true;
        }
    }

    private static bool MovesDiagnostics(Declarations declarations, IReadOnlyList<SyntaxTree> files, IReadOnlyList<SyntaxTree> laterFiles)
    {
        if (declarations.Diagnostics.Count == 0) return false;
        var places = new HashSet<string?>(declarations.Diagnostics.Select(diagnostic => diagnostic.Location?.Path));
        return files.Where((file, i) => file != laterFiles[i] && places.Contains(file.FilePath)).Any();
    }

    private static WeakReference<T>[] Weakly<T>(ImmutableArray<T> items) where T : class => [.. items.Select(item => new WeakReference<T>(item))];

    /// <summary>The items; null when one is gone.</summary>
    private static IReadOnlyList<T>? Living<T>(WeakReference<T>[] items) where T : class
    {
        var living = new T[items.Length];
        for (var i = 0; i < items.Length; i++)
        {
            if (!items[i].TryGetTarget(out living[i])) return null;
        }

        return living;
    }

    /// <summary>Takes a project for unchanged while what was read of it still holds. Asked by the pipeline with the earlier state first.</summary>
    public sealed class Comparer : IEqualityComparer<Project>
    {
        public static readonly Comparer Instance = new();

        public bool Equals(Project before, Project after) => ReferenceEquals(before, after) || before.HoldsFor(after);

        public int GetHashCode(Project project) => project._fileCount;
    }
}
