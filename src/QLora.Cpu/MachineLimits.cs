using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using QLora.Cpu.MachineCode;
using QLora.Cpu.Vectors;

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

    // Machine code stays for as long as the process.
    private static readonly unsafe void* PairProductsCode = PairInstructions.IsInProcessor ? CodePages.TryPlace(PairProducts.Code) : null;

    private readonly ThreadTeam _team = new(threads);
    private readonly VectorWidth _width = VectorWidths.Supported[^1];

    /// <summary>10⁹ single-precision operations a second, a fused multiply-add being two, of all threads, with nothing but registers.</summary>
    public Limit Gflops() =>
        Measure(new MultiplyAdds(_width, Steps), new MultiplyAdds(_width, MomentsOfWhile * Steps), 2.0 * MultiplyAdds.Chains * ((int)_width / 32) * Steps * threads / 1e9);

    /// <summary>What <see cref="Gflops"/> is, of pairs of BFloat16 numbers; null where the machine does not multiply them in pairs.</summary>
    public unsafe Limit? BFloat16Gflops() =>
        PairProductsCode == null ? null : Measure(
            new PairProducts(PairProductsCode, Steps), new PairProducts(PairProductsCode, MomentsOfWhile * Steps), 4.0 * PairProducts.Chains * 16 * Steps * threads / 1e9);

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

    /// <summary>Sums that do not wait for each other, in as many registers as every machine has.</summary>
    private readonly unsafe struct MultiplyAdds(VectorWidth width, int steps) : IWork
    {
        public const int Chains = 12;

        public void Run(int part, int parts)
        {
            var result = stackalloc float[16];
            switch (width)
            {
                case VectorWidth.Vector512: Loop<Float16>(steps, result); break;
                case VectorWidth.Vector256: Loop<Float8>(steps, result); break;
                default: Loop<Float4>(steps, result); break;
            }
        }

        [MethodImpl(Hot.Loop)]
        private static void Loop<V>(int steps, float* result) where V : unmanaged, IVector<V>
        {
            var (factor, addend) = (V.Create(0.5f), V.Create(1f));
            V s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11;
            s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = s8 = s9 = s10 = s11 = V.Create(0f);
            for (var i = 0; i < steps; i++)
            {
                (s0, s1, s2) = (V.FusedMultiplyAdd(s0, factor, addend), V.FusedMultiplyAdd(s1, factor, addend), V.FusedMultiplyAdd(s2, factor, addend));
                (s3, s4, s5) = (V.FusedMultiplyAdd(s3, factor, addend), V.FusedMultiplyAdd(s4, factor, addend), V.FusedMultiplyAdd(s5, factor, addend));
                (s6, s7, s8) = (V.FusedMultiplyAdd(s6, factor, addend), V.FusedMultiplyAdd(s7, factor, addend), V.FusedMultiplyAdd(s8, factor, addend));
                (s9, s10, s11) = (V.FusedMultiplyAdd(s9, factor, addend), V.FusedMultiplyAdd(s10, factor, addend), V.FusedMultiplyAdd(s11, factor, addend));
            }

            (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11).Store(result);
        }
    }

    /// <summary>Sums of products of pairs that do not wait for each other.</summary>
    private readonly unsafe struct PairProducts(void* code, int steps) : IWork
    {
        public const int Chains = 24;

        /// <summary>A function of the number of steps.</summary>
        public static byte[] Code
        {
            get
            {
                var (code, convention) = (new Assembler(), CallConvention.Native);
                convention.Enter(code);
                for (var vector = 0; vector <= Chains; vector++) code.Clear(vector);
                var loop = code.Position;
                for (var sum = 0; sum < Chains; sum++) code.AddPairProducts(sum, Chains, Chains);
                code.Subtract(convention.Arguments[0], 1);
                code.JumpBackIfNotZero(loop);
                convention.Leave(code);
                return code.ToArray();
            }
        }

        public void Run(int part, int parts) => ((delegate* unmanaged<nint, void>)code)(steps);
    }

    /// <summary>Each part reads a stretch of its own from one end to the other.</summary>
    private readonly unsafe struct Reads(VectorWidth width, float* buffer, int count) : IWork
    {
        public void Run(int part, int parts)
        {
            var result = stackalloc float[16];
            var (start, end) = ((int)((long)count * part / parts / 64 * 64), (int)((long)count * (part + 1) / parts / 64 * 64));
            switch (width)
            {
                case VectorWidth.Vector512: Loop<Float16>(buffer + start, buffer + end, result); break;
                case VectorWidth.Vector256: Loop<Float8>(buffer + start, buffer + end, result); break;
                default: Loop<Float4>(buffer + start, buffer + end, result); break;
            }
        }

        [MethodImpl(Hot.Loop)]
        private static void Loop<V>(float* source, float* end, float* result) where V : unmanaged, IVector<V>
        {
            V s0, s1, s2, s3;
            s0 = s1 = s2 = s3 = V.Create(0f);
            for (; source < end; source += 4 * V.Count)
            {
                (s0, s1) = (s0 + V.Load(source), s1 + V.Load(source + V.Count));
                (s2, s3) = (s2 + V.Load(source + 2 * V.Count), s3 + V.Load(source + 3 * V.Count));
            }

            (s0 + s1 + s2 + s3).Store(result);
        }
    }
}

/// <summary>A limit of a machine.</summary>
/// <param name="Sustained">What was reached over a while.</param>
/// <param name="Peak">What was reached at the best moment of it.</param>
public readonly record struct Limit(double Sustained, double Peak)
{
    /// <summary>The middle of what was measured at several times, and the best moment of all.</summary>
    /// <param name="measured">At least one.</param>
    public static Limit Of(IReadOnlyCollection<Limit> measured) =>
        new(measured.Select(limit => limit.Sustained).Order().ElementAt(measured.Count / 2), measured.Max(limit => limit.Peak));
}
