namespace QLora.Backends;

/// <summary>A device that <see cref="Devices.Open"/> opens.</summary>
/// <param name="Name">The name that it is opened by.</param>
/// <param name="Description">What it is, for a person.</param>
/// <param name="Threads">Threads that it runs on unless told otherwise; null where there are none to choose.</param>
/// <param name="VectorBits">The width of its vectors; null where it has none.</param>
/// <param name="MemoryBytes">Memory that this process may use, of a GPU its own.</param>
public sealed record DeviceInfo(string Name, string Description, int? Threads, int? VectorBits, long MemoryBytes)
{
    /// <summary>Whether this is what <c>auto</c> opens.</summary>
    public bool IsDefault { get; init; }
}
