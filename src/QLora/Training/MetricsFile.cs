using System.Text.Json;
using QLora.Checkpoints;

namespace QLora.Training;

/// <summary><c>metrics.jsonl</c>: a line per optimizer step, on the disk as soon as the step is done.</summary>
internal sealed class MetricsFile : IDisposable
{
    public const string Name = "metrics.jsonl";

    private readonly string _path;
    private readonly FileStream _file;
    private readonly MemoryStream _line = new();
    private readonly Utf8JsonWriter _json;

    private MetricsFile(string path, FileStream file)
    {
        (_path, _file) = (path, file);
        _json = new Utf8JsonWriter(_line);
    }

    /// <summary>Opens the file of a run: a new one, or when the run goes on, the old one with the lines of the steps that are not lost.</summary>
    /// <param name="folder">Where it lies.</param>
    /// <param name="stepsDone">Steps whose lines stay.</param>
    /// <exception cref="QLoraException">It cannot be written.</exception>
    public static MetricsFile Open(string folder, int stepsDone)
    {
        var path = Path.Combine(folder, Name);
        if (stepsDone > 0) DropLaterSteps(path, stepsDone);
        var mode = stepsDone > 0 ? FileMode.Append : FileMode.Create;
        return AtomicFile.Guard(path, () => new MetricsFile(path, new FileStream(path, mode, FileAccess.Write, FileShare.Read, bufferSize: 0)));
    }

    /// <summary>Writes a step's line.</summary>
    /// <exception cref="QLoraException">It cannot be written: the disk is full, for example.</exception>
    public void Append(StepMetrics metrics)
    {
        _line.SetLength(0);
        _json.Reset();
        _json.WriteStartObject();
        _json.WriteNumber("step", metrics.Step);
        _json.WriteNumber("epoch", metrics.Epoch);
        _json.WriteNumber("loss", metrics.Loss);
        _json.WriteNumber("grad_norm", metrics.GradientNorm);
        _json.WriteNumber("learning_rate", metrics.LearningRate);
        _json.WriteNumber("tokens", metrics.Tokens);
        _json.WriteNumber("supervised_tokens", metrics.SupervisedTokens);
        _json.WriteNumber("tokens_per_second", metrics.TokensPerSecond);
        _json.WriteNumber("peak_memory_bytes", metrics.PeakMemoryBytes);
        if (metrics.EvaluationLoss is { } loss) _json.WriteNumber("eval_loss", loss);
        _json.WriteEndObject();
        _json.Flush();
        _line.WriteByte((byte)'\n');
        AtomicFile.Guard(_path, () =>
        {
            _file.Write(_line.GetBuffer().AsSpan(0, (int)_line.Length)); // unbuffered, and in one call: no reader sees half a line
            return true;
        });
    }

    public void Dispose()
    {
        _json.Dispose();
        _line.Dispose();
        _file.Dispose();
    }

    private static void DropLaterSteps(string path, int stepsDone)
    {
        if (!File.Exists(path)) return;
        var lines = AtomicFile.Guard(path, () => File.ReadAllLines(path));
        AtomicFile.WriteText(path, string.Concat(lines.TakeWhile(line => StepOf(line) <= stepsDone).Select(line => line + "\n")));
    }

    /// <summary>The step of a line; null when it is not whole.</summary>
    private static int? StepOf(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return document.RootElement.GetProperty("step").GetInt32();
        }
        catch (Exception cause) when (cause is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }
}
