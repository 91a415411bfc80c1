using QLora.Checkpoints;
using QLora.Models;

namespace QLora.Text.Tokenizers;

/// <summary>The files of a tokenizer in a model's folder.</summary>
internal static class TokenizerFiles
{
    public const string Tokenizer = "tokenizer.json", Config = "tokenizer_config.json", ChatTemplate = "chat_template.jinja";

    private const string SpecialTokensMap = "special_tokens_map.json", MoreTemplates = "additional_chat_templates";

    // Several times the largest that models come with.
    private const long MaxBytes = 256 << 20;

    /// <summary>Opens a tokenizer.json.</summary>
    /// <exception cref="QLoraException">It is missing, no JSON object, or absurdly large.</exception>
    public static ConfigJson Open(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists) throw new QLoraException($"{path}: there is no such file; a model's folder needs it to turn text into tokens (a tokenizer.model is not read)");
        return file.Length <= MaxBytes ? ConfigJson.Open(path) : throw new QLoraException($"{path} is larger than {MaxBytes >> 20} MiB, which no such file is");
    }

    /// <summary>Reads bos_token, eos_token and pad_token of tokenizer_config.json; where that is missing, of special_tokens_map.json.</summary>
    /// <exception cref="QLoraException">The file is malformed.</exception>
    public static SpecialTokens ReadSpecialTokens(string folder)
    {
        foreach (var name in new[] { Config, SpecialTokensMap })
        {
            if (!File.Exists(Path.Combine(folder, name))) continue;
            var json = ConfigJson.Open(Path.Combine(folder, name));
            return new SpecialTokens(Read(json, "bos_token"), Read(json, "eos_token"), Read(json, "pad_token"));
        }

        return new SpecialTokens(null, null);
    }

    /// <summary>Copies the files that there are.</summary>
    /// <exception cref="QLoraException">One can't be read or written.</exception>
    public static void Copy(string from, string to)
    {
        if (from == to) return;
        foreach (var name in new[] { Tokenizer, Config, SpecialTokensMap, ChatTemplate }) CopyFile(Path.Combine(from, name), Path.Combine(to, name));
        if (!Directory.Exists(Path.Combine(from, MoreTemplates))) return;
        AtomicFile.CreateFolder(Path.Combine(to, MoreTemplates));
        foreach (var file in Directory.EnumerateFiles(Path.Combine(from, MoreTemplates), "*.jinja"))
        {
            CopyFile(file, Path.Combine(to, MoreTemplates, Path.GetFileName(file)));
        }
    }

    private static void CopyFile(string from, string to)
    {
        if (!File.Exists(from)) return;
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(from);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new QLoraException($"{from}: cannot be read: {e.Message}", e);
        }

        AtomicFile.Write(to, stream => stream.Write(bytes));
    }

    /// <summary>A token's text, written as such or as an object with flags.</summary>
    private static string? Read(ConfigJson json, string field)
    {
        if (!json.Has(field)) return null;
        return ConfigJson.Text(json.Value(field, "a string")) ?? json.Object(field)!.String("content");
    }
}
