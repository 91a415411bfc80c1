using QLora.Models;
using QLora.Tests.Text.Tokenizers;
using QLora.Text;

namespace QLora.Tests.Text.Chat;

/// <summary>The template in a GGUF file's metadata.</summary>
public class ChatTemplatesTests
{
    [Fact]
    public void TheGgufFileOfSmolLm2RendersAsRecorded()
    {
        using var file = ModelFile.Open(TokenizerGoldens.SmolLm2Path());
        var tokenizer = Tokenizer.Load(file);
        var options = new ChatTemplateOptions { BosToken = tokenizer.BosToken, EosToken = tokenizer.EosToken };
        var cases = ChatGoldens.Template("smollm2").GetProperty("cases").EnumerateArray().ToList();
        Assert.True(cases.Count > 20);
        Assert.All(cases, recorded => ChatGoldens.AssertCase(ChatTemplates.Load(file)!, options, recorded));
    }
}
