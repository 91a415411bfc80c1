using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;
using QLora.Cpu;

namespace QLora.Benchmarks;

/// <summary>What one call of a benchmark works through, by its parameters.</summary>
/// <param name="Flops">Floating-point operations, a multiply-add being two.</param>
/// <param name="Bytes">Bytes that must come from memory.</param>
public readonly record struct Work(double Flops, double Bytes);

/// <summary>
/// Three columns: how fast a product is, what the machine can do, and the share of it. The limit is that of memory or of multiply-adds, whichever would take
/// longer, and is measured in the process that the benchmarks run in.
/// </summary>
public sealed class LimitColumns : ManualConfig
{
    private static readonly (double MemoryBandwidthGBs, double Gflops) Limits = Measure();

    /// <summary>In this process, for the sake of the limit; enough runs for a median.</summary>
    public LimitColumns()
    {
        AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithWarmupCount(3).WithIterationCount(15).WithIterationTime(TimeInterval.FromMilliseconds(100)));
        AddColumn(
            new Column("Rate", (work, seconds) => IsBoundByMemory(work) ? $"{work.Bytes / seconds / 1e9:F1} GB/s" : $"{work.Flops / seconds / 1e9:F0} GFLOP/s"),
            new Column("Limit", (work, _) => IsBoundByMemory(work) ? $"{Limits.MemoryBandwidthGBs:F1} GB/s" : $"{Limits.Gflops:F0} GFLOP/s"),
            new Column("Share", (work, seconds) => $"{Math.Max(work.Bytes / Limits.MemoryBandwidthGBs, work.Flops / Limits.Gflops) / seconds / 1e9:P0}"));
    }

    private static (double MemoryBandwidthGBs, double Gflops) Measure()
    {
        using var limits = new MachineLimits(Environment.ProcessorCount);
        return (limits.MemoryBandwidthGBs().Sustained, limits.Gflops().Sustained);
    }

    private static bool IsBoundByMemory(Work work) => work.Bytes / Limits.MemoryBandwidthGBs > work.Flops / Limits.Gflops;

    private sealed class Column(string name, Func<Work, double, string> text) : IColumn
    {
        public string Id => name;

        public string ColumnName => name;

        public bool AlwaysShow => true;

        public ColumnCategory Category => ColumnCategory.Custom;

        public int PriorityInCategory => 0;

        public bool IsNumeric => true;

        public UnitType UnitType => UnitType.Dimensionless;

        public string Legend => $"{name}, of the median";

        public bool IsAvailable(Summary summary) => true;

        public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

        public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => GetValue(summary, benchmarkCase, SummaryStyle.Default);

        public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style)
        {
            if (summary[benchmarkCase]?.ResultStatistics is not { } statistics) return "";
            var (rows, weight) = ((int)benchmarkCase.Parameters["Rows"], (string)benchmarkCase.Parameters["Weight"]);
            return text(MatMul4BitBenchmarks.WorkOf(rows, weight), statistics.Median / 1e9);
        }
    }
}
