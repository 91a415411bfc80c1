using Microsoft.CodeAnalysis;

namespace QLora.Generators.Diagnostics;

/// <summary>Every mistake that a declaration can hold, and what to write instead.</summary>
internal static class Descriptors
{
    public static readonly DiagnosticDescriptor TypeNotPartial = Error("QLORA0001", "Declared models are partial",
        "'{0}' must be partial: write 'public sealed partial class {0}', so that its constructor and properties can be generated");

    public static readonly DiagnosticDescriptor PropertyNotPartial = Error("QLORA0002", "Declared properties are partial and get-only",
        "'{0}' must be a partial property with only a getter: write 'public partial {1} {0} {{ get; }}'");

    public static readonly DiagnosticDescriptor DuplicatePath = Error("QLORA0003", "Checkpoint paths are unique",
        "'{0}' and '{1}' both claim the path '{2}': give each its own");

    public static readonly DiagnosticDescriptor TiedToMissing = Error("QLORA0004", "TiedTo names an embedding",
        "'{0}' is tied to '{1}', which is no [Embedding] property declared before it in the same class: name one with TiedTo = nameof(…)");

    public static readonly DiagnosticDescriptor TargetNotLinear = Error("QLORA0005", "Only linear layers carry adapters",
        "'{0}' has [LoraTarget] but no [Linear]: only linear layers can carry an adapter; remove [LoraTarget]");

    public static readonly DiagnosticDescriptor NoTarget = Error("QLORA0006", "A model has something to adapt",
        "Neither '{0}' nor its blocks have a property with [LoraTarget], so nothing could be fine-tuned: mark the linear layers that may carry an adapter");

    public static readonly DiagnosticDescriptor ConfigMember = Error("QLORA0007", "Sizes are members of the config",
        "'{0}' of '{1}' names '{2}', but {3} has no such member of type {4}; there are: {5}");

    public static readonly DiagnosticDescriptor PlaceholderMissing = Error("QLORA0008", "Blocks are numbered",
        "The path '{0}' of '{1}' must hold {{0}} once, where the number of the block stands");

    public static readonly DiagnosticDescriptor DuplicateModelType = Error("QLORA0009", "One model for each model_type",
        "'{0}' and '{1}' both claim model_type '{2}': only one of them would be loaded");

    public static readonly DiagnosticDescriptor WrongBase = Error("QLORA0010", "Declared models have the engine's base class",
        "'{0}' must derive from {1}");

    public static readonly DiagnosticDescriptor WrongPropertyType = Error("QLORA0011", "Properties have their module's type",
        "'{0}' is declared with [{1}] and must be of type {2}, not {3}");

    public static readonly DiagnosticDescriptor NotAlone = Error("QLORA0012", "Declared types stand alone",
        "'{0}' must be a class without type parameters that is not inside another type, so that its other half can be generated: move it out");

    public static readonly DiagnosticDescriptor NoPart = Error("QLORA0013", "Blocks and parts are declared",
        "'{0}' is made of '{1}', which must have [{2}] and derive from {2}<{3}>");

    public static readonly DiagnosticDescriptor PartInModel = Error("QLORA0014", "Parts belong to blocks",
        "'{0}' is a [Part] in a model, and a part belongs to a layer: declare it in the block, or its modules in the model itself");

    public static readonly DiagnosticDescriptor TiedShape = Error("QLORA0015", "Tied weights have one shape",
        "'{0}' has a weight of ({1}, {2}) and cannot share the table of '{3}', which is ({4}, {5})");

    public static readonly DiagnosticDescriptor TargetName = Error("QLORA0016", "LoRA targets have names of their own",
        "'{0}' is the name of two different LoRA targets, '{1}' and '{2}': give one of the properties another name");

    public static readonly DiagnosticDescriptor TwoKinds = Error("QLORA0017", "A property is one module",
        "'{0}' is declared with [{1}] and [{2}]: keep one of them");

    public static readonly DiagnosticDescriptor NotNullable = Error("QLORA0018", "What is not always there is nullable",
        "'{0}' exists only when '{1}' and must be nullable: write '{2}? {0}'");

    public static readonly DiagnosticDescriptor HoldsItself = Error("QLORA0019", "Declarations end",
        "'{0}' is, through its [Part] and [Blocks] properties, a part of itself: a model has no end then");

    public static readonly DiagnosticDescriptor NoForward = Error("QLORA0020", "Models and blocks compute something",
        "'{0}' has no Forward: write 'public override Activation Forward({1}) {{ … }}'");

    public static readonly DiagnosticDescriptor Unreachable = new("QLORA0021", "Declarations belong to a model",
        "'{0}' is part of no model: name it in a [Blocks] or [Part] property, or remove it", "QLora", DiagnosticSeverity.Warning, isEnabledByDefault: true);

    public static readonly DiagnosticDescriptor PlaceholderOutside = Error("QLORA0022", "Only blocks are numbered",
        "The path '{0}' of '{1}' holds {{0}}, which only [Blocks] have: remove it");

    private static readonly Dictionary<string, DiagnosticDescriptor> All = new DiagnosticDescriptor[]
    {
        TypeNotPartial, PropertyNotPartial, DuplicatePath, TiedToMissing, TargetNotLinear, NoTarget, ConfigMember, PlaceholderMissing, DuplicateModelType, WrongBase, WrongPropertyType,
        NotAlone, NoPart, PartInModel, TiedShape, TargetName, TwoKinds, NotNullable, HoldsItself, NoForward, Unreachable, PlaceholderOutside,
    }.ToDictionary(descriptor => descriptor.Id);

    /// <summary>The ids of all of them.</summary>
    public static IEnumerable<string> Ids => All.Keys;

    public static DiagnosticDescriptor ById(string id) => All[id];

    private static DiagnosticDescriptor Error(string id, string title, string message) => new(id, title, message, "QLora", DiagnosticSeverity.Error, isEnabledByDefault: true);
}
