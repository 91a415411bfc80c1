namespace QLora.Verification;

/// <summary>How far numbers are from recorded ones, counted as they come.</summary>
internal sealed class ErrorMeter
{
    private double _difference, _size;

    /// <summary>The largest difference of any two.</summary>
    public double MaxAbsolute { get; private set; }

    /// <summary>The Euclidean norm of the differences over that of the record; the norm of the differences itself where the record is all zeros.</summary>
    public double Relative => _size == 0 ? Math.Sqrt(_difference) : Math.Sqrt(_difference / _size);

    /// <summary>Counts numbers in.</summary>
    public void Add(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        if (expected.Length != actual.Length) throw new ArgumentException($"{actual.Length} numbers beside {expected.Length} recorded ones");
        for (var i = 0; i < expected.Length; i++) Add(expected[i], actual[i]);
    }

    /// <summary>Counts a number in.</summary>
    public void Add(double expected, double actual)
    {
        var difference = actual - expected;
        _difference += difference * difference;
        _size += expected * expected;
        MaxAbsolute = Math.Max(MaxAbsolute, Math.Abs(difference));
    }
}
