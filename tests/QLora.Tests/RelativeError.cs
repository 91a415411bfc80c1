namespace QLora.Tests;

/// <summary>How far numbers are from recorded ones: the Euclidean norm of the difference over that of the record.</summary>
public static class RelativeError
{
    public static double Of(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double difference = 0, size = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            difference += Math.Pow((double)actual[i] - expected[i], 2);
            size += Math.Pow(expected[i], 2);
        }

        return size == 0 ? Math.Sqrt(difference) : Math.Sqrt(difference / size);
    }

    public static void AtMost(double bound, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        var error = Of(expected, actual);
        Assert.True(error <= bound, $"{what}: relative error {error:E2} exceeds {bound:E0}");
    }
}
