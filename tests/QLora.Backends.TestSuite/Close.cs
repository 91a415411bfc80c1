namespace QLora.Tests.Backends;

/// <summary>Comparisons of results.</summary>
public static class Close
{
    /// <summary>
    /// Every |actual − expected| is at most tolerance · (|expected| + root mean square of expected, or <paramref name="terms"/> where that is
    /// more); NaN equals only NaN.
    /// </summary>
    public static void Check(string what, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance, double terms = 0)
    {
        Assert.Equal(expected.Length, actual.Length);
        var squares = 0.0;
        foreach (var value in expected) squares += float.IsFinite(value) ? (double)value * value : 0;
        var scale = Math.Max(terms, Math.Sqrt(squares / Math.Max(1, expected.Length)));
        for (var i = 0; i < expected.Length; i++)
        {
            if (expected[i].Equals(actual[i])) continue;
            var error = Math.Abs((double)actual[i] - expected[i]);
            Assert.True(error <= tolerance * (Math.Abs(expected[i]) + scale),
                $"{what}, element {i} of {expected.Length}: {actual[i]:R}, expected {expected[i]:R}; error {error:G3}, of scale {scale:G3}");
        }
    }

    /// <summary>The same numbers to the last bit.</summary>
    public static void CheckSameBits(string what, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]),
                $"{what}, element {i} of {expected.Length}: {actual[i]:R}, expected the very bits of {expected[i]:R}");
        }
    }
}
