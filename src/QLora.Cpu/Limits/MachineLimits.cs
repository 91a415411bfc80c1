using System.Diagnostics;
using System.Runtime.InteropServices;
using QLora.Cpu.Limits;
using QLora.Cpu.MachineCode;

namespace QLora.Cpu;

/// <summary>
/// What this machine can do, measured: the yardsticks that speeds are a share of. Whoever shares a machine gets less of it at some times than at others, so a limit is what
/// was reached over a while, and is measured beside what it is to be compared with.
/// </summary>
/// <param name="threads">How many threads work.</param>
public sealed class MachineLimits(int threads) : IDisposable
{
    // Far more than the caches of one processor give to a few cores.
    private const long BufferBytes = 192L << 20;

    // Moments of a fraction of a millisecond, and a while of many of them without a break: neighbours are given the cores for a few milliseconds at a time.
    private const int Moments = 50;
    private const int MomentsOfWhile = 150;
    private const int Steps = 100_000;
    private const int Passes = 8;

    private readonly ThreadTeam _team = new(threads);
    private readonly VectorWidth _width = VectorWidths.Supported[^1];

    /// <summary>10⁹ single-precision operations a second, a fused multiply-add being two, of all threads, with nothing but registers.</summary>
    public Limit Gflops() =>
        Measure(new MultiplyAdds(_width, Steps), new MultiplyAdds(_width, MomentsOfWhile * Steps), MultiplyAdds.Operations(_width) * Steps * threads / 1e9);

    /// <summary>What <see cref="Gflops"/> is, of pairs of BFloat16 numbers; null where the machine does not multiply them in pairs, or is slower so than in single precision.</summary>
    public Limit? BFloat16Gflops() => PairInstructions.AreFaster
        ? Measure(new PairProducts(Steps), new PairProducts(MomentsOfWhile * Steps), PairProducts.Operations * Steps * threads / 1e9)
        : null;

    /// <summary>10⁹ bytes a second that all threads together read from memory, one after another.</summary>
    public unsafe Limit MemoryBandwidthGBs()
    {
        var buffer = (byte*)NativeMemory.AlignedAlloc((nuint)BufferBytes, 64);
        try
        {
            // Pages that were never written are all the same page of zeros, which lies in the cache.
            new Span<byte>(buffer, (int)BufferBytes).Clear();

            // The first pass finds some pages that were not addressed before.
            var reads = new Reads(_width, (float*)buffer, (int)(BufferBytes / sizeof(float)));
            var (_, fastest, all) = (Seconds(_team, reads), double.PositiveInfinity, 0.0);
            for (var pass = 0; pass < Passes; pass++)
            {
                var seconds = Seconds(_team, reads);
                (fastest, all) = (Math.Min(fastest, seconds), all + seconds);
            }

            return new Limit(Passes * (BufferBytes / 1e9) / all, BufferBytes / 1e9 / fastest);
        }
        finally
        {
            NativeMemory.AlignedFree(buffer);
        }
    }

    /// <summary>Stops the threads.</summary>
    public void Dispose() => _team.Dispose();

    private Limit Measure<TWork>(TWork ofMoment, TWork ofWhile, double amountOfMoment) where TWork : struct, IWork
    {
        var fastest = double.PositiveInfinity;
        for (var i = 0; i < Moments; i++) fastest = Math.Min(fastest, Seconds(_team, ofMoment));
        return new Limit(MomentsOfWhile * amountOfMoment / Seconds(_team, ofWhile), amountOfMoment / fastest);
    }

    private static double Seconds<TWork>(ThreadTeam team, TWork work) where TWork : struct, IWork
    {
        var start = Stopwatch.GetTimestamp();
        team.Run(work);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
