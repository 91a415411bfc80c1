using System.Text.Json;
using System.Text.Json.Nodes;
using QLora.Autograd;
using QLora.Checkpoints;
using QLora.Models;

namespace QLora.Training;

/// <summary>
/// A folder from which a run goes on exactly: what is trained, as adapter or model, <c>optimizer.safetensors</c> and <c>trainer_state.json</c>. It is written under
/// another name and renamed when it is complete, so that an interruption at any moment leaves the one before.
/// </summary>
/// <param name="Step">Steps that are done.</param>
/// <param name="MicroBatches">Micro-batches that are done, which number the dropout masks.</param>
/// <param name="Loss">Of the last step.</param>
internal sealed record TrainerCheckpoint(int Step, long MicroBatches, double Loss)
{
    public const string StateName = "trainer_state.json";
    public const string MomentsName = "optimizer.safetensors";

    private const string Prefix = "checkpoint-";
    private const string TemporarySuffix = ".tmp";
    private const string ReplacedSuffix = ".replaced";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, IndentSize = 2 };

    /// <summary>The numbers of the checkpoints in a folder, in order.</summary>
    public static IEnumerable<int> StepsIn(string folder) => Directory.EnumerateDirectories(folder, Prefix + "*")
        .Select(path => int.TryParse(Path.GetFileName(path).AsSpan(Prefix.Length), out var step) ? step : -1).Where(step => step >= 0).Order();

    /// <summary>Where the checkpoint of a step lies.</summary>
    public static string PathOf(string folder, int step) => Path.Combine(folder, $"{Prefix}{step}");

    /// <summary>Writes the checkpoint.</summary>
    /// <param name="folder">The run's output folder.</param>
    /// <param name="settings">Of the run.</param>
    /// <param name="trained">What is trained.</param>
    /// <param name="optimizer">Its moments.</param>
    /// <exception cref="QLoraException">It cannot be written; earlier ones are as they were.</exception>
    public void Write(string folder, RunSettings settings, TrainedWeights trained, AdamWOptimizer optimizer)
    {
        var place = PathOf(folder, Step);
        var temporary = place + TemporarySuffix;
        try
        {
            Delete(temporary);
            trained.Save(temporary, Step);
            ParameterFile.Write(Path.Combine(temporary, MomentsName), trained.Backend, optimizer.Moments);
            var state = new JsonObject { ["step"] = Step, ["micro_batches"] = MicroBatches, ["loss"] = Loss, ["settings"] = settings.ToJson() };
            AtomicFile.WriteText(Path.Combine(temporary, StateName), state.ToJsonString(Indented) + "\n");
            MoveInto(place, temporary);
        }
        catch
        {
            Delete(temporary);
            throw;
        }
    }

    /// <summary>Reads a checkpoint into what is trained and its optimizer; nothing is changed unless all of it fits.</summary>
    /// <exception cref="QLoraException">It is missing, incomplete, broken, or of a run with other settings.</exception>
    public static TrainerCheckpoint Restore(string path, RunSettings settings, TrainedWeights trained, AdamWOptimizer optimizer)
    {
        Recover(path);
        var statePath = Path.Combine(path, StateName);
        if (!File.Exists(statePath)) throw new QLoraException($"{path}: there is no checkpoint here; expected {StateName}, {MomentsName} and {trained.FileName}");
        var json = ConfigJson.Open(statePath);
        settings.CheckSame(path, json.Object("settings") ?? throw json.Error("settings", "is missing, expected an object"));
        var state = new TrainerCheckpoint(json.Integer("step"), (long)json.Number("micro_batches"), json.Number("loss"));
        if (state.MicroBatches < state.Step) throw json.Error("micro_batches", $"is {state.MicroBatches} after {state.Step} steps, expected as many or more");

        using var weights = SafetensorsFile.Open(Path.Combine(path, trained.FileName));
        using var moments = SafetensorsFile.Open(Path.Combine(path, MomentsName));
        ParameterFile.Check(weights, trained.Tensors);
        ParameterFile.Check(moments, optimizer.Moments);
        ParameterFile.Read(trained.Backend, weights, trained.Tensors);
        optimizer.Restore(state.Step, moments);
        return state;
    }

    /// <summary>Puts right what an interrupted run left: half-written checkpoints go, and one that was to be replaced comes back.</summary>
    public static void TidyUp(string folder)
    {
        foreach (var path in Directory.GetDirectories(folder, $"{Prefix}*{TemporarySuffix}")) Delete(path);
        foreach (var path in Directory.GetDirectories(folder, $"{Prefix}*{ReplacedSuffix}")) Recover(path[..^ReplacedSuffix.Length]);
    }

    private static void MoveInto(string place, string temporary) => AtomicFile.Guard(place, () =>
    {
        // A run that went on from an earlier checkpoint comes by again: the old folder steps aside, since a folder cannot be replaced in one move.
        var replaced = place + ReplacedSuffix;
        if (Directory.Exists(place)) Directory.Move(place, replaced);
        Directory.Move(temporary, place);
        Delete(replaced);
        return true;
    });

    private static void Recover(string place) => AtomicFile.Guard(place, () =>
    {
        var replaced = place + ReplacedSuffix;
        if (Directory.Exists(place)) Delete(replaced);
        else if (Directory.Exists(replaced)) Directory.Move(replaced, place);
        return true;
    });

    private static void Delete(string path) => AtomicFile.Guard(path, () =>
    {
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        return true;
    });
}
