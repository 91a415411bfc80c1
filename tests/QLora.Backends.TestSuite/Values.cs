using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>The content of a tensor in managed memory.</summary>
public sealed record Values(Shape Shape, float[] Data)
{
    /// <summary>What they were read from: Float32 unless it is BFloat16.</summary>
    public DType DType { get; init; }

    /// <summary>Normally distributed numbers; the same seed gives the same ones.</summary>
    public static Values Normal(int seed, params ReadOnlySpan<int> extents)
    {
        var random = new Random(seed);
        return Make(extents, () => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(Math.Tau * random.NextDouble()));
    }

    /// <summary>Evenly distributed numbers in [low, high).</summary>
    public static Values Uniform(int seed, double low, double high, params ReadOnlySpan<int> extents)
    {
        var random = new Random(seed);
        return Make(extents, () => low + (high - low) * random.NextDouble());
    }

    /// <summary>The given numbers.</summary>
    public static Values Of(Shape shape, params float[] data) => new(shape, data);

    /// <summary>The same numbers times a factor.</summary>
    public Values Times(float factor) => new(Shape, Array.ConvertAll(Data, value => value * factor));

    /// <summary>The nearest numbers that BFloat16 has.</summary>
    public Values Rounded() => new(Shape, Array.ConvertAll(Data, value => BFloat16.Widen(BFloat16.Round(value))));

    /// <summary>Integers in [0, limit).</summary>
    public static int[] Indices(int seed, int count, int limit)
    {
        var random = new Random(seed);
        var indices = new int[count];
        for (var i = 0; i < count; i++) indices[i] = random.Next(limit);
        return indices;
    }

    /// <summary>Blocks of every code, with scales of either sign.</summary>
    public static unsafe Q8Block[] Q8Blocks(int seed, int count)
    {
        var random = new Random(seed);
        var blocks = new Q8Block[count];
        for (var i = 0; i < count; i++)
        {
            blocks[i].Scale = (Half)(random.NextDouble() - 0.5);
            for (var code = 0; code < Q8Block.Count; code++) blocks[i].Codes[code] = (sbyte)random.Next(-128, 128);
        }

        return blocks;
    }

    private static Values Make(ReadOnlySpan<int> extents, Func<double> next)
    {
        var shape = new Shape(extents);
        var data = new float[shape.Count];
        for (var i = 0; i < data.Length; i++) data[i] = (float)next();
        return new Values(shape, data);
    }
}
