using System.Runtime.InteropServices;
using QLora.Backends.Reference;
using QLora.Cpu;

namespace QLora.Backends;

/// <summary>What there is to run on, by the names that the command line uses.</summary>
public static class Devices
{
    private const string Auto = "auto";
    private const string Cpu = "cpu";
    private const string Reference = "reference";

    /// <summary>The names that <see cref="Open"/> knows; <c>auto</c> is the fastest device.</summary>
    public static IReadOnlyList<string> Names { get; } = [Auto, Cpu, Reference];

    /// <summary>Opens a device. The caller disposes it.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="threads">Threads of a device that has more than one, at least 1; one per core when null.</param>
    /// <exception cref="QLoraException">There is no such device (the message lists those that exist), or the number of threads is out of range.</exception>
    public static Backend Open(string name, int? threads = null)
    {
        if (threads is < 1 or > 1024) throw new QLoraException($"--threads is {threads}, expected 1 to 1024");
        if (name == Reference && threads > 1) throw new QLoraException($"device {Reference} runs on one thread; leave --threads out");
        return name switch
        {
            Auto or Cpu => new CpuBackend(threads),
            Reference => new ReferenceBackend(),
            _ => throw new QLoraException($"there is no device '{name}'; there are {string.Join(", ", Names)}"),
        };
    }

    /// <summary>The devices of this machine, the fastest first.</summary>
    /// <exception cref="QLoraException">The environment asks for vectors that the machine does not have.</exception>
    public static IReadOnlyList<DeviceInfo> List()
    {
        // What the process may use: the limit of a container where there is one.
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        return
        [
            new DeviceInfo(Cpu, ProcessorName(), Environment.ProcessorCount, (int)VectorWidths.Chosen(), memory) { IsDefault = true },
            new DeviceInfo(Reference, "scalar, the definition that the others are tested against; slow", 1, null, memory),
        ];
    }

    private static string ProcessorName()
    {
        const string Information = "/proc/cpuinfo";
        if (!File.Exists(Information)) return $"{RuntimeInformation.ProcessArchitecture} processor";
        var line = File.ReadLines(Information).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal));
        return line?[(line.IndexOf(':') + 1)..].Trim() ?? $"{RuntimeInformation.ProcessArchitecture} processor";
    }
}
