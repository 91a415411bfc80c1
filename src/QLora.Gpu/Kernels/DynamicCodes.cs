using ILGPU;
using QLora.Quantization;

namespace QLora.Gpu.Kernels;

/// <summary>8-bit codes of a <see cref="DynamicMap"/>, and the scales of their blocks.</summary>
/// <param name="codes">Indices into the map.</param>
/// <param name="absMax">The scale of each block.</param>
/// <param name="values">Of the map.</param>
/// <param name="borders">Its <see cref="DynamicMap.Borders"/>.</param>
internal readonly struct DynamicCodes(ArrayView<byte> codes, ArrayView<float> absMax, ArrayView<float> values, ArrayView<float> borders)
{
    /// <summary>The scale of each block.</summary>
    public ArrayView<float> AbsMax => absMax;

    /// <summary>What elements of a block are multiplied with so that they lie in [−1, 1].</summary>
    public static float Inverse(float largest) => 1 / (largest > BlockQuantizer.SmallestDivisor ? largest : BlockQuantizer.SmallestDivisor);

    /// <summary>Element i, which lies in a block.</summary>
    public float Decode(int i, int block) => values[(int)codes[i]] * absMax[block];

    /// <summary>Element i ← the code of x in [−1, 1].</summary>
    public void Encode(int i, float x)
    {
        // Not a look-up in the grid: a table of 256 stays in the cache, and a number that is none finds a code as well.
        var point = DeviceMath.Sum(DeviceMath.Sum(x, 1) * DynamicMap.GridScale, 0.5f);
        var code = 0;
        for (var half = 128; half > 0; half >>= 1)
        {
            if (point >= borders[code + half]) code += half;
        }

        codes[i] = (byte)code;
    }
}
