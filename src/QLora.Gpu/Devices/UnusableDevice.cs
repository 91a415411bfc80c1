namespace QLora.Gpu;

/// <summary>A device that was found and does not work, or a kind of device whose driver does not.</summary>
/// <param name="Name">The name of the device, or what those of its kind begin with.</param>
/// <param name="Reason">Why, and what to do.</param>
public sealed record UnusableDevice(string Name, string Reason);
