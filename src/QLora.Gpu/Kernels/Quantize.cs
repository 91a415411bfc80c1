using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class QuantizeKernels
{
    /// <summary>A lane quantises one block, as <see cref="Quantization.BlockQuantizer"/> does. Blocks are of an even number of elements, so that each begins with a byte of its own.</summary>
    public static void Quantize(
        ArrayView<float> weight, ArrayView<float> thresholds, ArrayView<int> codeOfRank, ArrayView<byte> codes, ArrayView<float> absMax, int blockSize, float smallestDivisor)
    {
        var block = Grid.GlobalIndex.X;
        if (block >= absMax.IntLength) return;
        var start = block * blockSize;
        var end = start + blockSize < weight.IntLength ? start + blockSize : weight.IntLength;
        var largest = 0f;
        for (var i = start; i < end; i++)
        {
            var magnitude = weight[i] < 0 ? -weight[i] : weight[i];
            if (magnitude > largest) largest = magnitude;
        }

        absMax[block] = largest;
        var inverse = 1 / (largest > smallestDivisor ? largest : smallestDivisor);
        for (var i = start; i < end; i += 2)
        {
            var high = Encode(weight[i] * inverse, thresholds, codeOfRank);
            var low = Encode(i + 1 < end ? weight[i + 1] * inverse : 0, thresholds, codeOfRank);
            codes[i >> 1] = (byte)(high << 4 | low);
        }
    }

    public static void Dequantize<TWeight>(TWeight weight, ArrayView<float> y) where TWeight : struct, IWeightReader
    {
        var i = Grid.GlobalIndex.X;
        if (i < y.IntLength) y[i] = weight.Read(i);
    }

    /// <summary>A lane decodes a run of a weight that is of whole ones.</summary>
    public static void DequantizeRuns<TScales, TFour>(QuantizedRuns<TScales> weight, ArrayView<TFour> y) where TScales : struct, IScales where TFour : unmanaged, IFour<TFour>
    {
        weight = weight.Staged();
        var i = Grid.GlobalIndex.X * (TensorTile.Run / 4);
        if (i >= y.IntLength) return;
        var run = weight.Load(4 * i, TensorTile.Run);
        y[i] = TFour.Round(weight.Quarter(run, 0));
        y[i + 1] = TFour.Round(weight.Quarter(run, 1));
        y[i + 2] = TFour.Round(weight.Quarter(run, 2));
        y[i + 3] = TFour.Round(weight.Quarter(run, 3));
    }

    /// <summary>The code whose rank is the count of thresholds below x.</summary>
    private static int Encode(float x, ArrayView<float> thresholds, ArrayView<int> codeOfRank)
    {
        var rank = 0;
        for (var i = 0; i < thresholds.IntLength; i++) rank += x > thresholds[i] ? 1 : 0;
        return codeOfRank[rank];
    }
}
