namespace QLora.Tests.Backends.Cpu;

public sealed class AdamW() : AdamWTests(Devices.All);

public sealed class AdamW8Bit() : AdamW8BitTests(Devices.All);

public sealed class CombineExperts() : CombineExpertsTests(Devices.All);

public sealed class CopyColumns() : CopyColumnsTests(Devices.All);

public sealed class CrossEntropy() : CrossEntropyTests(Devices.All);

public sealed class Dropout() : DropoutTests(Devices.All);

public sealed class Elementwise() : ElementwiseTests(Devices.All);

public sealed class Embedding() : EmbeddingTests(Devices.All);


public sealed class GeGlu() : GeGluTests(Devices.All);

public sealed class Gelu() : GeluTests(Devices.All);

public sealed class LayerNorm() : LayerNormTests(Devices.All);

public sealed class Projections() : ProjectionsTests(Devices.WithAndWithoutMachineCode);

public sealed class RmsNorm() : RmsNormTests(Devices.All);

public sealed class Rotary() : RotaryTests(Devices.All);

public sealed class Route() : RouteTests(Devices.All);


public sealed class SoftCap() : SoftCapTests(Devices.All);

public sealed class Sum() : SumTests(Devices.All);

public sealed class SwiGlu() : SwiGluTests(Devices.All);

public sealed class Quantize() : QuantizeTests(Devices.All);
