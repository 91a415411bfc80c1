namespace QLora.Backends.Reference;

/// <summary>
/// Every op as its formula reads: plain loops on one thread, sums in double precision, results rounded once. It defines what the other backends must
/// compute; it is far too slow for anything but small models and tests.
/// </summary>
public sealed partial class ReferenceBackend : HostBackend
{
    /// <inheritdoc/>
    public override string Name => "reference";
}
