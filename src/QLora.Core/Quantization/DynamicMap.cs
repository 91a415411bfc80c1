using System.Runtime.CompilerServices;

namespace QLora.Quantization;

/// <summary>
/// The 256 values of the 8-bit dynamic code (Dettmers, arXiv:1511.04561 and 2110.02861), as bitsandbytes' <c>create_dynamic_map</c> makes them: seven decades, each
/// with twice the values of the one below, and 0 and 1.
/// </summary>
public sealed class DynamicMap
{
    private const int Decades = 7;
    private const int GridPoints = 65536;

    /// <summary>Steps of the grid on either side of zero.</summary>
    internal const float GridScale = (GridPoints - 1) / 2f;

    private readonly float[] _values;
    private readonly byte[] _codeOfGridPoint;

    private DynamicMap(bool signed)
    {
        _values = Create(signed);
        _codeOfGridPoint = new byte[GridPoints];
        byte code = 0;
        for (var i = 0; i < GridPoints; i++)
        {
            // The count of midpoints between neighbouring values that lie below the point: on a midpoint the lower code is taken. In single precision, in which a point can
            // come to lie on the other side of one.
            var x = 2f * i / (GridPoints - 1) - 1;
            while (code < _values.Length - 1 && x > (_values[code] + _values[code + 1]) / 2) code++;
            _codeOfGridPoint[i] = code;
        }
    }

    /// <summary>−1 to 1, ascending: scales of double quantisation, first moments of 8-bit AdamW.</summary>
    public static DynamicMap Signed { get; } = new(signed: true);

    /// <summary>0 to 1, ascending: second moments of 8-bit AdamW.</summary>
    public static DynamicMap Unsigned { get; } = new(signed: false);

    /// <summary>Code to value.</summary>
    public ReadOnlySpan<float> Values => _values;

    /// <summary>
    /// For each code the first grid point that has it or a higher one: the code of x in [−1, 1] is the last whose border is at most
    /// (x + 1) · <see cref="GridScale"/> + ½. What <see cref="Encode"/> looks up, for devices that would rather search.
    /// </summary>
    internal float[] Borders => [.. Enumerable.Range(0, _values.Length).Select(code => (float)Array.FindIndex(_codeOfGridPoint, found => found >= code))];

    /// <summary>
    /// codes[i] ← the code of x = source[i] · scale, which lies in [−1, 1]. As in bitsandbytes on a processor x is first rounded to a grid of 65,536 points, so that the code is
    /// a look-up; next to a midpoint the result may be the second nearest.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Encode(ReadOnlySpan<float> source, float scale, Span<byte> codes)
    {
        ReadOnlySpan<byte> codeOfGridPoint = _codeOfGridPoint;
        codes = codes[..source.Length];
        for (var i = 0; i < codes.Length; i++) codes[i] = codeOfGridPoint[(int)((source[i] * scale + 1) * GridScale + 0.5f)];
    }

    private static float[] Create(bool signed)
    {
        var values = new List<float> { 0, 1 };
        for (var decade = 0; decade < Decades; decade++)
        {
            var intervals = 1 << (signed ? decade : decade + 1);
            var factor = (float)Math.Pow(10, decade - (Decades - 1));
            for (var i = 0; i < intervals; i++)
            {
                var mean = (Boundary(i, intervals) + Boundary(i + 1, intervals)) / 2;
                values.Add(factor * mean);
                if (signed) values.Add(-factor * mean);
            }
        }

        values.Sort();
        return [.. values];
    }

    /// <summary>Point i of torch.linspace(0.1, 1, intervals + 1): counted from the nearer end, with fused multiplication as PyTorch is compiled.</summary>
    private static float Boundary(int i, int intervals)
    {
        var step = (1f - 0.1f) / intervals;
        return i < (intervals + 1) / 2 ? MathF.FusedMultiplyAdd(step, i, 0.1f) : MathF.FusedMultiplyAdd(-step, intervals - i, 1f);
    }
}
