using QLora.Models;

namespace QLora.Text;

/// <summary>The chat template that comes with a model.</summary>
public static class ChatTemplates
{
    private const string GgufKey = "tokenizer.chat_template";

    /// <summary>Reads a model's chat template.</summary>
    /// <param name="file">A folder (see <see cref="ChatTemplateFiles"/>), or a GGUF file with <c>tokenizer.chat_template</c>.</param>
    /// <returns>The template; null when the model has none.</returns>
    /// <exception cref="QLoraException">It can't be read or is malformed.</exception>
    public static ChatTemplate? Load(ModelFile file)
    {
        if (file.Gguf is not { } gguf) return ChatTemplateFiles.Load(file.Path);
        return gguf.Metadata.GetString(GgufKey) is { } source ? ChatTemplate.Parse(source, $"{file.Path}: {GgufKey}") : null;
    }
}
