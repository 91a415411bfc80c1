using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using QLora.Cpu.MachineCode;
using QLora.Cpu.Vectors;

namespace QLora.Cpu;

/// <summary>What this machine can do at best, measured: the yardsticks that speeds are a share of.</summary>
/// <param name="Gflops">10⁹ single-precision operations a second, a fused multiply-add being two, of all threads, with nothing but registers.</param>
/// <param name="MemoryBandwidthGBs">10⁹ bytes a second that all threads together read from memory, one after another.</param>
/// <param name="BFloat16Gflops">What <paramref name="Gflops"/> is, of pairs of BFloat16 numbers; null where the machine does not multiply them in pairs.</param>
public sealed record MachineLimits(double Gflops, double MemoryBandwidthGBs, double? BFloat16Gflops)
{
    // Far more than the caches of one processor give to a few cores; what is read at a time is read again only after all the rest.
    private const long BufferBytes = 192L << 20;
    private const int ReadBytes = 16 << 20;

    // Fractions of a millisecond, many times over: the fastest of them is one in which nobody else was given the cores.
    private const int Repetitions = 200;
    private const int Steps = 100_000;

    /// <summary>Measures all of them with the widest vectors of the machine; well under a second.</summary>
    /// <param name="threads">How many threads work.</param>
    public static MachineLimits Measure(int threads)
    {
        using var team = new ThreadTeam(threads);
        var width = VectorWidths.Supported[^1];
        return new MachineLimits(MeasureGflops(team, width), MeasureBandwidth(team, width), MeasureBFloat16Gflops(team));
    }

    private static double MeasureGflops(ThreadTeam team, VectorWidth width) =>
        2.0 * MultiplyAdds.Chains * ((int)width / 32) * Steps * team.Threads / Fastest(team, new MultiplyAdds(width, Steps)) / 1e9;

    private static unsafe double? MeasureBFloat16Gflops(ThreadTeam team)
    {
        var code = PairInstructions.IsInProcessor ? CodePages.TryPlace(PairProducts.Code) : null;
        return code == null ? null : 4.0 * PairProducts.Chains * 16 * Steps * team.Threads / Fastest(team, new PairProducts(code, Steps)) / 1e9;
    }

    private static double Fastest<TWork>(ThreadTeam team, TWork work) where TWork : struct, IWork
    {
        var fastest = double.PositiveInfinity;
        for (var i = 0; i < Repetitions; i++) fastest = Math.Min(fastest, Seconds(team, work));
        return fastest;
    }

    private static unsafe double MeasureBandwidth(ThreadTeam team, VectorWidth width)
    {
        var buffer = (byte*)NativeMemory.AlignedAlloc((nuint)BufferBytes, 64);
        try
        {
            // Pages that were never written are all the same page of zeros, which lies in the cache.
            new Span<byte>(buffer, (int)BufferBytes).Clear();
            var fastest = double.PositiveInfinity;
            for (var pass = 0; pass < 3; pass++)
            {
                for (var start = 0L; start < BufferBytes; start += ReadBytes)
                {
                    fastest = Math.Min(fastest, Seconds(team, new Reads(width, (float*)(buffer + start), ReadBytes / sizeof(float))));
                }
            }

            return ReadBytes / fastest / 1e9;
        }
        finally
        {
            NativeMemory.AlignedFree(buffer);
        }
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
