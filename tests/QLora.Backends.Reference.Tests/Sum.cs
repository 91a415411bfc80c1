namespace QLora.Tests.Backends.Reference;

public sealed class Sum() : SumTests(Devices.All);
