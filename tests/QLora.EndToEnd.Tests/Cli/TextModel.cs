using System.Text.Json.Nodes;
using QLora.Testing;
using QLora.Text;

namespace QLora.EndToEnd.Tests.Cli;

/// <summary>A tiny random model that reads bytes and has a chat template, made by qlora init.</summary>
public sealed class TextModel : IDisposable
{
    private const string Template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    private readonly TemporaryFolder _folder = new();

    public TextModel()
    {
        var config = JsonNode.Parse(File.ReadAllText(System.IO.Path.Combine(TinyData.Model, "config.json")))!.AsObject();
        (config["vocab_size"], config["eos_token_id"], config["bos_token_id"]) = (258, 257, null);
        Tokenizer.ByteLevel(["<|im_start|>", "<|im_end|>"], eosToken: "<|im_end|>").Save(_folder["config"], ChatTemplate.Parse(Template, "test"));
        File.WriteAllText(System.IO.Path.Combine(_folder["config"], "config.json"), config.ToJsonString());
        Qlora.Run("init", _folder["config"], "--output", Path).Succeeded();

        Chats = _folder.Write("chats.jsonl", string.Concat(new[] { ("lamp on", "A"), ("lamp off", "B"), ("door open", "C"), ("door shut", "D") }.Select(pair =>
            $$"""{"messages": [{"role": "user", "content": "{{pair.Item1}}"}, {"role": "assistant", "content": "{{pair.Item2}}"}]}""" + "\n")));
    }

    /// <summary>The model's folder.</summary>
    public string Path => _folder["model"];

    /// <summary>The folder that it was made from: a config and a tokenizer, no weights.</summary>
    public string Config => _folder["config"];

    /// <summary>Four conversations.</summary>
    public string Chats { get; }

    public void Dispose() => _folder.Dispose();
}
