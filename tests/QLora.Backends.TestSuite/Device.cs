using QLora.Backends;

namespace QLora.Tests.Backends;

/// <summary>One configuration of a backend that the suite is run on.</summary>
/// <param name="Name">As failures show it.</param>
/// <param name="Open">Makes the backend; the suite disposes it.</param>
/// <param name="LargestWorkspace">What the tensors of a case may hold in all, in bytes; a slow device does not take part in larger ones.</param>
public sealed record Device(string Name, Func<Backend> Open, long LargestWorkspace = long.MaxValue);
