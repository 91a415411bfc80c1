using QLora.Adapters;
using QLora.Checkpoints;

namespace QLora.Training;

/// <summary>What a training run leaves in its output folder.</summary>
public static class TrainingFolder
{
    private static readonly string[] Files = [AdapterFile.ConfigName, AdapterFile.WeightsName, SafetensorsCheckpoint.SingleName, MetricsFile.Name];

    /// <summary>The files and checkpoints of an earlier run that lie in a folder; none when it is not there.</summary>
    public static IReadOnlyList<string> Contents(string folder) => Directory.Exists(folder)
        ? [.. Files.Select(name => Path.Combine(folder, name)).Where(File.Exists), .. TrainerCheckpoint.StepsIn(folder).Select(step => TrainerCheckpoint.PathOf(folder, step))]
        : [];

    /// <summary>The last checkpoint in a folder; null when there is none.</summary>
    public static string? LastCheckpoint(string folder) => Directory.Exists(folder) && TrainerCheckpoint.StepsIn(folder).ToList() is [.., var step] ? TrainerCheckpoint.PathOf(folder, step) : null;

    /// <summary>Removes the files and checkpoints of an earlier run, and nothing else.</summary>
    /// <exception cref="QLoraException">One cannot be removed.</exception>
    public static void Clear(string folder)
    {
        foreach (var path in Contents(folder))
        {
            AtomicFile.Guard(path, () =>
            {
                if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
                else File.Delete(path);
                return true;
            });
        }
    }
}
