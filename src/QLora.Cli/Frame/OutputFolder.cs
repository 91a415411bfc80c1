using QLora.Checkpoints;

namespace QLora.Cli.Frame;

/// <summary>Folders that a command is going to write, checked before any long work.</summary>
internal static class OutputFolder
{
    private static readonly string[] Names = ["config.json", "model.safetensors", "model.safetensors.index.json", "adapter_config.json", "adapter_model.safetensors"];

    /// <summary>Makes the folder and writes a file into it, which is removed again. A folder that was made for this stays.</summary>
    /// <exception cref="QLoraException">The path is a file, or the folder cannot be made or written.</exception>
    public static void CheckWritable(string path)
    {
        if (File.Exists(path)) throw new QLoraException($"--output {path} is a file, expected a folder");
        AtomicFile.CreateFolder(path);
        AtomicFile.Create(Path.Combine(path, "writable")).Dispose();
    }

    /// <summary>Checks that a model can be written: the folder is writable, and holds no model or adapter unless it may be replaced.</summary>
    /// <exception cref="QLoraException">It holds one, or cannot be written.</exception>
    public static void CheckTakesModel(string path, bool overwrite)
    {
        if (!overwrite) CheckEmptyOfModels(path);
        CheckWritable(path);
    }

    private static void CheckEmptyOfModels(string path)
    {
        var found = Names.Select(name => Path.Combine(path, name)).FirstOrDefault(File.Exists);
        if (found is not null) throw new QLoraException($"--output {path} holds a model already ({found}); choose another folder, or give --overwrite");
    }
}
