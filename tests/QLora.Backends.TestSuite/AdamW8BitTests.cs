using QLora.Backends;
using QLora.Checkpoints;
using QLora.Tensors;
using QLora.Testing;

namespace QLora.Tests.Backends;

/// <summary>AdamW with moments of 8 bits: their codes and scales are bitsandbytes' to the last bit, on every device.</summary>
public abstract class AdamW8BitTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // Some ten single-precision operations in a row, over a few steps. PyTorch's root, too, was off in the last place for some numbers on the machine that recorded.
    private const double Tolerance = 1e-6;

    private static readonly AdamWStep Step = new(1e-2, 0.9, 0.999, 1e-8, 0.1, 1, 1);

    [Theory]
    [InlineData(1)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(70003)]
    public void Several_steps(int count) => StepsAgree(Values.Normal(10, count));

    [Fact]
    public void Blocks_of_zeros_and_of_tiny_numbers()
    {
        var gradient = Values.Normal(2, 3 * QuantizedMoment.BlockSize);
        gradient.Data.AsSpan(0, QuantizedMoment.BlockSize).Clear();
        foreach (ref var value in gradient.Data.AsSpan(QuantizedMoment.BlockSize, QuantizedMoment.BlockSize)) value *= 1e-15f;
        StepsAgree(gradient);
    }

    [Fact]
    public void Twenty_steps_as_bitsandbytes_takes_them() => OnEachDevice(backend =>
    {
        using var golden = SafetensorsFile.Open(TestData.Golden("train/optimizers.safetensors"));
        var (gradients, expected) = (golden.ReadFloats("grads"), golden.ReadFloats("adamw8bit.params"));
        var initial = golden.ReadFloats("p0");
        var shape = new Shape(initial.Length);
        using var w = new Workspace(backend);
        var (parameter, first, second) = (w.Upload(new Values(shape, initial)), Zeros(w, initial.Length), Zeros(w, initial.Length));
        for (var step = 1; step <= 20; step++)
        {
            var row = ((step - 1) * initial.Length)..(step * initial.Length);
            backend.AdamW8Bit(parameter, w.Upload(new Values(shape, gradients[row])), first, second, Step with { Step = step });
            Close.Check($"parameters after step {step}", expected[row], w.Read(parameter).Data, Tolerance);
        }

        Assert.Equal(golden.ReadRaw("adamw8bit.state1").ToArray(), Codes(w, first));
        Assert.Equal(golden.ReadRaw("adamw8bit.state2").ToArray(), Codes(w, second));
        Close.CheckSameBits("scales of the first moment", golden.ReadFloats("adamw8bit.absmax1"), w.Read(first.AbsMax).Data);
        Close.CheckSameBits("scales of the second moment", golden.ReadFloats("adamw8bit.absmax2"), w.Read(second.AbsMax).Data);
    });

    [Fact]
    public void Shapes()
    {
        Refuses("AdamW8Bit", "parameter", w => w.Backend.AdamW8Bit(w.FreshBFloat16(4), w.Fresh(4), Zeros(w, 4), Zeros(w, 4), Step));
        Refuses("AdamW8Bit", "gradient", w => w.Backend.AdamW8Bit(w.Fresh(4), w.Fresh(3), Zeros(w, 4), Zeros(w, 4), Step));
        Refuses("AdamW8Bit", "firstMoment has codes of UInt8 [5], expected UInt8 [4]", w => w.Backend.AdamW8Bit(w.Fresh(4), w.Fresh(4), Zeros(w, 5), Zeros(w, 4), Step));
        Refuses("AdamW8Bit", "secondMoment has codes of Float32", w => w.Backend.AdamW8Bit(w.Fresh(4), w.Fresh(4), Zeros(w, 4), Zeros(w, 4) with { Codes = w.Fresh(4) }, Step));
        Refuses("AdamW8Bit", "firstMoment has scales of Float32 [1], expected Float32 [2]", w => w.Backend.AdamW8Bit(w.Fresh(257), w.Fresh(257), Zeros(w, 257) with { AbsMax = w.Fresh(1) }, Zeros(w, 257), Step));
        Refuses("AdamW8Bit", "secondMoment has scales of UInt8", w => w.Backend.AdamW8Bit(w.Fresh(4), w.Fresh(4), Zeros(w, 4), Zeros(w, 4) with { AbsMax = Zeros(w, 1).Codes }, Step));
        Refuses("AdamW8Bit", "step 0", w => w.Backend.AdamW8Bit(w.Fresh(4), w.Fresh(4), Zeros(w, 4), Zeros(w, 4), Step with { Step = 0 }));
    }

    private void StepsAgree(Values gradient)
    {
        AgreesWithReference(Tolerance, w => [Steps(w).Parameter]);
        AgreesWithReference(0, w => Steps(w) is var (_, first, second) ? [first.Codes, first.AbsMax, second.Codes, second.AbsMax] : []);

        (Tensor Parameter, QuantizedMoment First, QuantizedMoment Second) Steps(Workspace w)
        {
            var count = gradient.Data.Length;
            var (parameter, first, second) = (w.Upload(Values.Normal(1, count)), Zeros(w, count), Zeros(w, count));
            for (var step = 1; step <= 4; step++) w.Backend.AdamW8Bit(parameter, w.Upload(gradient.Times(step)), first, second, Step with { Step = step, GradientScale = 0.5f });
            return (parameter, first, second);
        }
    }

    private static QuantizedMoment Zeros(Workspace w, int count) => new(
        w.Upload<byte>(new Shape(count), DType.UInt8, new byte[count]),
        w.Upload(new Values(new Shape(QuantizedMoment.BlockCount(count)), new float[QuantizedMoment.BlockCount(count)])));

    private static byte[] Codes(Workspace w, QuantizedMoment moment) => Array.ConvertAll(w.Read(moment.Codes).Data, code => (byte)code);
}
