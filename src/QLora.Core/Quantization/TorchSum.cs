namespace QLora.Quantization;

/// <summary>
/// The sum of single-precision numbers in the order in which PyTorch adds them on a processor with AVX2 or later (<c>SumKernel.cpp</c>): eight lanes, four rows at a time, in
/// cascades. The mean of the scales is subtracted before they are quantised, so its last bit shows in the codes.
/// </summary>
internal static class TorchSum
{
    private const int Lanes = 8;
    private const int Rows = 4;
    private const int Levels = 4;

    public static float Mean(ReadOnlySpan<float> values) => Sum(values) / values.Length;

    public static float Sum(ReadOnlySpan<float> values)
    {
        var vectors = values.Length / Lanes;
        var lanes = SumVectors(values, vectors);
        var sum = 0f;
        for (var i = vectors * Lanes; i < values.Length; i++) sum += values[i];
        foreach (var lane in lanes) sum += lane;
        return sum;
    }

    private static float[] SumVectors(ReadOnlySpan<float> values, int vectors)
    {
        var groups = vectors / Rows;
        var partial = Cascade(values, groups);
        for (var vector = groups * Rows; vector < vectors; vector++) AddLanes(partial[0], values.Slice(vector * Lanes, Lanes));
        for (var row = 1; row < Rows; row++) AddLanes(partial[0], partial[row]);
        return partial[0];
    }

    /// <summary>Sums per row of a group; sums of 2^power groups are carried to the next level, so that small numbers meet small ones.</summary>
    private static float[][] Cascade(ReadOnlySpan<float> values, int groups)
    {
        var power = Math.Max(4, CeilLog2(groups) / Levels);
        var mask = (1 << power) - 1;
        var levels = new float[Levels][][];
        for (var level = 0; level < Levels; level++) levels[level] = NewRows();

        var group = 0;
        while (group + (1 << power) <= groups)
        {
            for (var end = group + (1 << power); group < end; group++) AddGroup(levels[0], values, group);
            for (var level = 1; level < Levels; level++)
            {
                for (var row = 0; row < Rows; row++)
                {
                    AddLanes(levels[level][row], levels[level - 1][row]);
                    levels[level - 1][row].AsSpan().Clear();
                }

                if ((group & (mask << (level * power))) != 0) break;
            }
        }

        for (; group < groups; group++) AddGroup(levels[0], values, group);
        for (var level = 1; level < Levels; level++)
        {
            for (var row = 0; row < Rows; row++) AddLanes(levels[0][row], levels[level][row]);
        }

        return levels[0];
    }

    private static void AddGroup(float[][] rows, ReadOnlySpan<float> values, int group)
    {
        for (var row = 0; row < Rows; row++) AddLanes(rows[row], values.Slice((group * Rows + row) * Lanes, Lanes));
    }

    private static void AddLanes(Span<float> sum, ReadOnlySpan<float> addend)
    {
        for (var lane = 0; lane < Lanes; lane++) sum[lane] += addend[lane];
    }

    private static float[][] NewRows() => [new float[Lanes], new float[Lanes], new float[Lanes], new float[Lanes]];

    private static int CeilLog2(int value) => value <= 2 ? 1 : System.Numerics.BitOperations.Log2((uint)(value - 1)) + 1;
}
