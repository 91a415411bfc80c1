using ILGPU;
using QLora.Backends;

namespace QLora.Gpu.Kernels;

internal static class AdamWKernels
{
    /// <summary>A lane steps one element.</summary>
    public static void AdamW(ArrayView<float> parameter, ArrayView<float> gradient, ArrayView<float> firstMoment, ArrayView<float> secondMoment, AdamWFactors factors)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= parameter.IntLength) return;
        var moments = ElementMoments.Next(firstMoment[i], secondMoment[i], gradient[i], factors);
        parameter[i] = moments.Step(parameter[i], factors);
        firstMoment[i] = moments.First;
        secondMoment[i] = moments.Second;
    }

    /// <summary>
    /// A group steps one block of moments in 8 bits, and quantises them anew by their largest magnitudes, which is known when all of its lanes are done.
    /// </summary>
    public static void AdamW8Bit(ArrayView<float> parameter, ArrayView<float> gradient, DynamicCodes firstMoment, DynamicCodes secondMoment, AdamWFactors factors)
    {
        var first = SharedMemory.Allocate<float>(QuantizedMoment.BlockSize);
        var second = SharedMemory.Allocate<float>(QuantizedMoment.BlockSize);
        var block = Grid.IdxX;
        var start = block * QuantizedMoment.BlockSize;
        var length = parameter.IntLength - start < QuantizedMoment.BlockSize ? parameter.IntLength - start : QuantizedMoment.BlockSize;
        float largestFirst = 0, largestSecond = 0;
        for (var i = Group.IdxX; i < length; i += Group.DimX)
        {
            var at = start + i;
            var moments = ElementMoments.Next(firstMoment.Decode(at, block), secondMoment.Decode(at, block), gradient[at], factors);
            parameter[at] = moments.Step(parameter[at], factors);
            first[i] = moments.First;
            second[i] = moments.Second;
            largestFirst = MathF.Max(largestFirst, MathF.Abs(moments.First));
            largestSecond = MathF.Max(largestSecond, moments.Second);
        }

        largestFirst = Reduction.Max(largestFirst);
        largestSecond = Reduction.Max(largestSecond);
        if (Group.IdxX == 0)
        {
            firstMoment.AbsMax[block] = largestFirst;
            secondMoment.AbsMax[block] = largestSecond;
        }

        var inverseFirst = DynamicCodes.Inverse(largestFirst);
        var inverseSecond = DynamicCodes.Inverse(largestSecond);
        for (var i = Group.IdxX; i < length; i += Group.DimX)
        {
            firstMoment.Encode(start + i, first[i] * inverseFirst);
            secondMoment.Encode(start + i, second[i] * inverseSecond);
        }
    }
}
