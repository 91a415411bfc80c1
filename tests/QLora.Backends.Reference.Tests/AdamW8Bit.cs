namespace QLora.Tests.Backends.Reference;

public sealed class AdamW8Bit() : AdamW8BitTests(Devices.All);
