using QLora.Verification;

namespace QLora.Tests;

/// <summary>How far numbers are from recorded ones: the Euclidean norm of the difference over that of the record.</summary>
public static class RelativeError
{
    public static double Of(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        var errors = new ErrorMeter();
        errors.Add(expected, actual);
        return errors.Relative;
    }

    public static void AtMost(double bound, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        var error = Of(expected, actual);
        Assert.True(error <= bound, $"{what}: relative error {error:E2} exceeds {bound:E0}");
    }
}
