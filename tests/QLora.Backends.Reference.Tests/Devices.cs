using QLora.Backends.Reference;

namespace QLora.Tests.Backends.Reference;

/// <summary>
/// The reference under its own suite: agreement with itself is trivial there, but not with finite differences, over aliased operands, or between two runs. What its forward
/// computes is held to facts in the files named after the ops.
/// </summary>
internal static class Devices
{
    public static readonly Device[] All = [new("reference", () => new ReferenceBackend())];
}
