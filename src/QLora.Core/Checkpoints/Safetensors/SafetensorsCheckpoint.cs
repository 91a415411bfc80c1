using System.Collections.Frozen;
using System.Text.Json;
using QLora.Backends;
using QLora.Quantization;

namespace QLora.Checkpoints;

/// <summary>
/// The weights of a Hugging Face folder: <c>model.safetensors</c>, or shards with <c>model.safetensors.index.json</c>. The parts that bitsandbytes stores a 4-bit
/// weight in count as one weight.
/// </summary>
public sealed class SafetensorsCheckpoint : WeightSource
{
    /// <summary>The file's name when there is only one.</summary>
    public const string SingleName = "model.safetensors";

    private const string IndexName = "model.safetensors.index.json";

    private readonly List<SafetensorsFile> _files;
    private readonly FrozenDictionary<string, SafetensorsFile> _fileOf;
    private readonly FrozenDictionary<string, WeightInfo> _weights;

    private SafetensorsCheckpoint(string path, List<SafetensorsFile> files, Dictionary<string, SafetensorsFile> fileOf)
    {
        Path = path;
        _files = files;
        _fileOf = fileOf.ToFrozenDictionary(StringComparer.Ordinal);
        _weights = fileOf
            .Where(entry => !BitsAndBytes4Bit.IsPart(entry.Key, fileOf.ContainsKey))
            .Select(entry => BitsAndBytes4Bit.Describe(this, entry.Key) ?? Dense(entry.Value.Tensors[entry.Key]))
            .ToFrozenDictionary(info => info.Name, StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override WeightNaming Naming => WeightNaming.HuggingFace;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, WeightInfo> Weights => _weights;

    /// <summary>Whether a folder holds weights that this class reads.</summary>
    public static bool Exists(string folder) => File.Exists(System.IO.Path.Combine(folder, SingleName)) || File.Exists(System.IO.Path.Combine(folder, IndexName));

    /// <summary>Opens the weights of a folder; only headers are read.</summary>
    /// <exception cref="QLoraException">A file is missing, truncated or corrupt, or the index does not fit the shards.</exception>
    public static SafetensorsCheckpoint Open(string folder)
    {
        if (!Exists(folder)) throw new QLoraException($"{folder}: there are no weights here; expected {SingleName} or {IndexName}");
        var files = new List<SafetensorsFile>();
        try
        {
            var single = System.IO.Path.Combine(folder, SingleName); // goes first where both are, as in transformers
            var fileOf = File.Exists(single) ? OpenSingle(single, files) : OpenShards(folder, System.IO.Path.Combine(folder, IndexName), files);
            return new SafetensorsCheckpoint(folder, files, fileOf);
        }
        catch
        {
            files.ForEach(file => file.Dispose());
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Read(string name, long firstElement, Span<float> destination)
    {
        if (Find(name).IsQuantized) throw new QLoraException($"{Path}: {name} is in 4 bits and is used as it is");
        _fileOf[name].ReadFloats(name, firstElement, destination);
    }

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> ReadRaw(string name) => Find(name).StoredType is null
        ? throw new QLoraException($"{Path}: {name} is stored as {Find(name).Format}, expected F32, BF16 or F16")
        : _fileOf[name].ReadRaw(name);

    /// <inheritdoc/>
    public override QuantizedTensor ReadQuantized(string name, Backend backend) => Find(name).IsQuantized
        ? BitsAndBytes4Bit.Read(this, name, backend)
        : throw new QLoraException($"{Path}: {name} is stored as {Find(name).Format}, not in 4 bits");

    /// <inheritdoc/>
    public override void ReleasePages() => _files.ForEach(file => file.ReleasePages());

    /// <inheritdoc/>
    public override void Dispose() => _files.ForEach(file => file.Dispose());

    /// <summary>A tensor of any shard and what it is; null when there is none of that name.</summary>
    internal (SafetensorsFile File, SafetensorsInfo Info)? FindTensor(string name) => _fileOf.TryGetValue(name, out var file) ? (file, file.Tensors[name]) : null;

    private static WeightInfo Dense(SafetensorsInfo info) => new(info.Name, info.Shape, info.DType, SafetensorsFile.FloatType(info.DType), info.Bytes);

    private WeightInfo Find(string name) => _weights.TryGetValue(name, out var info) ? info : throw new QLoraException($"{Path}: there is no tensor {name}");

    private static Dictionary<string, SafetensorsFile> OpenSingle(string path, List<SafetensorsFile> files)
    {
        files.Add(SafetensorsFile.Open(path));
        return files[0].Tensors.Keys.ToDictionary(name => name, _ => files[0], StringComparer.Ordinal);
    }

    private static Dictionary<string, SafetensorsFile> OpenShards(string folder, string index, List<SafetensorsFile> files)
    {
        var shards = new Dictionary<string, SafetensorsFile>(StringComparer.Ordinal);
        var fileOf = new Dictionary<string, SafetensorsFile>(StringComparer.Ordinal);
        foreach (var (name, shard) in ReadIndex(index))
        {
            if (!shards.TryGetValue(shard, out var file))
            {
                if (!IsFileName(shard)) throw new QLoraException($"{index}: shard '{shard}' of {name} is no file name");
                files.Add(file = shards[shard] = SafetensorsFile.Open(System.IO.Path.Combine(folder, shard)));
            }

            if (!file.Tensors.ContainsKey(name)) throw new QLoraException($"{index}: tensor {name} is said to be in {shard}, but is not");
            fileOf.Add(name, file);
        }

        foreach (var file in files)
        {
            foreach (var name in file.Tensors.Keys)
            {
                if (!fileOf.TryGetValue(name, out var owner)) throw new QLoraException($"{file.Path}: tensor {name} is not in {IndexName}");
                if (owner != file) throw new QLoraException($"{file.Path}: tensor {name} stands in {System.IO.Path.GetFileName(owner.Path)} too");
            }
        }

        return fileOf;
    }

    /// <summary>Whether a name stays in the folder it is looked for in.</summary>
    private static bool IsFileName(string name) => name is not ("" or "." or "..") && name.IndexOfAny(['/', '\\', '\0']) < 0;

    private static Dictionary<string, string> ReadIndex(string path)
    {
        using var document = StrictJson.Parse(ReadBytes(path), path);
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
        {
            throw new QLoraException($"{path}: weight_map is missing, expected an object from tensor to shard");
        }

        var entries = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in map.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String) throw new QLoraException($"{path}: weight_map of {entry.Name} is {entry.Value.ValueKind}, expected a file name");
            if (!entries.TryAdd(entry.Name, entry.Value.GetString()!)) throw new QLoraException($"{path}: tensor {entry.Name} stands twice in weight_map");
        }

        return entries;
    }

    private static byte[] ReadBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new QLoraException($"{path}: cannot be read: {cause.Message}", cause);
        }
    }
}
