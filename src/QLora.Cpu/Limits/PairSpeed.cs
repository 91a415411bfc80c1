using System.Diagnostics;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Limits;

/// <summary>Compares one core's products of pairs with its multiply-adds in single precision.</summary>
internal static class PairSpeed
{
    // The best of moments of about ten microseconds: none of a processor's two speeds is near the other's, and some moment is undisturbed.
    private const int Moments = 20, Steps = 2000;

    private static readonly Lazy<bool> Compared = new(() =>
        PairProducts.ArePossible && PairProducts.Operations / Fastest(new PairProducts(Steps)) > MultiplyAdds.Operations(VectorWidth.Vector512) / Fastest(new MultiplyAdds(VectorWidth.Vector512, Steps)));

    /// <summary>Whether pairs are possible and faster.</summary>
    public static bool IsHigher => Compared.Value;

    private static long Fastest<TWork>(TWork work) where TWork : struct, IWork
    {
        var fastest = long.MaxValue;
        for (var i = 0; i < Moments; i++)
        {
            var start = Stopwatch.GetTimestamp();
            work.Run(part: 0, parts: 1);
            fastest = Math.Min(fastest, Stopwatch.GetTimestamp() - start);
        }

        return fastest;
    }
}
