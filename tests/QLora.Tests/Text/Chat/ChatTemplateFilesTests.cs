using System.Text.Json;
using QLora.Text;

namespace QLora.Tests.Text.Chat;

public sealed class ChatTemplateFilesTests : IDisposable
{
    private static readonly JsonElement Messages = JsonDocument.Parse("""[{"role": "user", "content": "Hi"}]""").RootElement;

    private readonly string _folder = Directory.CreateTempSubdirectory("qlora-chat").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AFolderWithoutATemplateHasNone()
    {
        Assert.Null(ChatTemplateFiles.Load(_folder));
        Write("tokenizer_config.json", """{"eos_token": "</s>"}""");
        Assert.Null(ChatTemplateFiles.Load(_folder));
    }

    [Fact]
    public void AStringInTheConfigIsTheDefault()
    {
        Write("tokenizer_config.json", """{"chat_template": "config {{ messages[0].content }}"}""");
        Assert.Equal("config Hi", Render(ChatTemplateFiles.Load(_folder)));
    }

    [Fact]
    public void NamedTemplatesAreFoundByName()
    {
        Write("tokenizer_config.json", """{"chat_template": [{"name": "default", "template": "one"}, {"name": "tool_use", "template": "two"}]}""");
        Assert.Equal("one", Render(ChatTemplateFiles.Load(_folder)));
        Assert.Equal("two", Render(ChatTemplateFiles.Load(_folder, "tool_use")));
        var error = Assert.Throws<QLoraException>(() => ChatTemplateFiles.Load(_folder, "rag"));
        Assert.EndsWith("has no chat template 'rag', expected one of default, tool_use", error.Message);
    }

    [Fact]
    public void AFileOfItsOwnGoesFirst()
    {
        Write("tokenizer_config.json", """{"chat_template": "config"}""");
        Write("chat_template.jinja", "file");
        Directory.CreateDirectory(Path.Combine(_folder, "additional_chat_templates"));
        Write("additional_chat_templates/rag.jinja", "more");
        Assert.Equal("file", Render(ChatTemplateFiles.Load(_folder)));
        Assert.Equal("more", Render(ChatTemplateFiles.Load(_folder, "rag")));
    }

    [Theory]
    [InlineData("""{"chat_template": 1}"""), InlineData("""{"chat_template": [{"name": "x"}]}"""), InlineData("""{"chat_template": [1]}""")]
    [InlineData("""{"chat_template": "\ud800"}"""), InlineData("""{"chat_template": """), InlineData("[]")]
    [InlineData("""{"chat_template": "{{ 1 + }}"}""")]
    public void AMalformedConfigIsNamed(string config)
    {
        Write("tokenizer_config.json", config);
        var error = Assert.ThrowsAny<QLoraException>(() => ChatTemplateFiles.Load(_folder));
        Assert.Contains("tokenizer_config.json", error.Message);
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);

    private static string Render(ChatTemplate? template) => template!.Render(Messages, new ChatTemplateOptions()).Text;
}
