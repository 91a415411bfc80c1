using System.Globalization;
using System.Runtime.CompilerServices;
using QLora.Cpu;
using QLora.Models;
using QLora.Testing;

namespace QLora.Tests.SmolLm2;

/// <summary>While a model is loaded, memory never holds more than the model as it is kept, one tensor in full precision and 64 MB; the pages of the mapped file are not counted.</summary>
public class LoadMemoryTests
{
    private const long Allowance = 64 << 20;

    [Fact]
    public void Loading_in_4_bits_keeps_one_tensor_in_full_precision_at_a_time() => Measure("nf4_double");

    [Fact]
    public void Loading_in_full_precision_makes_no_copies() => Measure("float32");

    private static void Measure(string variant, [CallerMemberName] string test = "")
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("resident memory without the pages of files is read from /proc, which only Linux has");
        using var file = ModelFile.Open(RealModel.ModelPath);
        if (OwnProcess.IsNeeded)
        {
            OwnProcess.Run($"{typeof(LoadMemoryTests).FullName}.{test}");
            return;
        }

        var largest = sizeof(float) * file.Modules.SelectMany(module => module.Weights).Max(weight => weight.Shape.Count);
        GC.Collect();
        var before = AnonymousBytes();
        using var backend = new CpuBackend();
        using var watch = new PeakWatch();
        using var model = file.Load(backend, RealModel.Quantization(variant));
        var peak = watch.Stop() - before;
        var kept = model.Modules.Sum(module => module.Bytes);
        TestContext.Current.SendDiagnosticMessage("{0}: kept {1:N0} bytes, peak {2:N0}", variant, kept, peak);
        Assert.InRange(peak, kept / 2, kept + largest + Allowance); // less than is kept where the system takes pages away meanwhile

        // Of quantised weights the pool has held one in full precision, and what its codes are made in.
        var largestQuantized = sizeof(float) * file.Modules.OfType<LinearSpec>().Where(spec => !spec.KeepFullPrecision).Max(spec => (long)spec.In * spec.Out);
        Assert.InRange(backend.Memory.PeakInUse, kept, kept + kept / 8 + 2 * largestQuantized);
    }

    /// <summary>Resident memory that no file stands behind, of the whole process.</summary>
    private static long AnonymousBytes()
    {
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10;
    }

    /// <summary>Looks at the process every millisecond.</summary>
    private sealed class PeakWatch : IDisposable
    {
        private readonly Thread _thread;
        private volatile bool _stopped;
        private long _peak;

        public PeakWatch()
        {
            _thread = new Thread(Watch) { IsBackground = true };
            _thread.Start();
        }

        public long Stop()
        {
            _stopped = true;
            _thread.Join();
            return _peak;
        }

        public void Dispose() => Stop();

        private void Watch()
        {
            do
            {
                _peak = Math.Max(_peak, AnonymousBytes());
                Thread.Sleep(1);
            }
            while (!_stopped);
            _peak = Math.Max(_peak, AnonymousBytes());
        }
    }
}
