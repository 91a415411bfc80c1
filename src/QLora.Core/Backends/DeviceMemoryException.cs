namespace QLora.Backends;

/// <summary>A device, or the budget of its pool, has no more memory. What was taken before is as it was, and a smaller run may go on there.</summary>
/// <param name="message">What was asked for and what is left.</param>
/// <param name="cause">What the driver said; null where the budget was at its end.</param>
public sealed class DeviceMemoryException(string message, Exception? cause) : QLoraException(message, cause!);
