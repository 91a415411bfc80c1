using QLora.Cli.Generating;
using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

public class GenerateCommandTests(TextModel model) : IClassFixture<TextModel>
{
    [Fact]
    public void Json_has_the_keys_of_the_design()
    {
        var json = Generate("--prompt", "hi", "--max-new-tokens", "5", "--json").Succeeded().Json;
        Assert.Equal([104, 105], json.GetProperty("prompt_ids").EnumerateArray().Select(id => id.GetInt32()));
        Assert.InRange(json.GetProperty("ids").GetArrayLength(), 0, 5);
        Assert.Equal(Generate("--prompt", "hi", "--max-new-tokens", "5").Succeeded().Output, json.GetProperty("text").GetString() + "\n");
    }

    [Fact]
    public void Prompts_of_a_file_make_a_line_each()
    {
        using var folder = new TemporaryFolder();
        var lines = Generate("--prompts", folder.Write("prompts.jsonl", "\"lamp on\"\n\"lamp off\"\n"), "--chat", "--max-new-tokens", "2", "--json").Succeeded().JsonLines;
        Assert.Equal(2, lines.Count);
        var prompt = lines[1].GetProperty("prompt_ids").EnumerateArray().Select(id => id.GetInt32()).ToArray();
        int[] expected = [256, .. "user\nlamp off".Select(c => (int)c), 257, '\n', 256, .. "assistant\n".Select(c => (int)c)];
        Assert.Equal(expected, prompt);
    }

    [Fact]
    public void The_prompt_may_come_from_standard_input()
    {
        var given = Generate("--prompt", "lamp on", "--max-new-tokens", "3").Succeeded().Output;
        Assert.Equal(given, Qlora.RunWith("lamp on\n", "generate", "--model", model.Path, "--max-new-tokens", "3").Succeeded().Output);
        Generate("--max-new-tokens", "3").Failed(3, "there is no prompt");
    }

    [Theory]
    [InlineData("@someone")]
    [InlineData("-5 + 3")]
    [InlineData("a=b:c")]
    public void A_prompt_is_any_text(string prompt)
        => Assert.Equal(prompt.Select(c => (int)c), Generate("--prompt", prompt, "--max-new-tokens", "1", "--json").Succeeded().Json.GetProperty("prompt_ids").EnumerateArray().Select(id => id.GetInt32()));

    [Fact]
    public void The_same_seed_gives_the_same_text_and_another_seed_another()
    {
        string Text(string seed) => Generate("--prompt", "x", "--temperature", "1.5", "--top-k", "200", "--top-p", "0.99", "--seed", seed, "--max-new-tokens", "12", "--json").Succeeded().Json.GetProperty("ids").GetRawText();
        Assert.Equal(Text("1"), Text("1"));
        Assert.NotEqual(Text("1"), Text("2"));
    }

    [Fact]
    public void A_system_message_goes_before_the_prompt()
    {
        var json = Generate("--prompt", "hi", "--chat", "--system", "be brief", "--max-new-tokens", "1", "--json").Succeeded().Json;
        var text = string.Concat(json.GetProperty("prompt_ids").EnumerateArray().Select(id => id.GetInt32()).Select(id => id < 256 ? ((char)id).ToString() : "|"));
        Assert.Equal("|system\nbe brief|\n|user\nhi|\n|assistant\n", text);
    }

    [Fact]
    public void An_adapter_changes_the_text()
    {
        using var folder = new TemporaryFolder();
        Qlora.Run("train", "--model", model.Path, "--data", model.Chats, "--output", folder["adapter"], "--epochs", "30", "--learning-rate", "1e-2").Succeeded();
        var bare = Generate("--prompt", "lamp on", "--chat", "--max-new-tokens", "4").Succeeded().Output;
        Assert.NotEqual(bare, Generate("--prompt", "lamp on", "--chat", "--max-new-tokens", "4", "--adapter", folder["adapter"]).Succeeded().Output);
    }

    [Fact]
    public void A_person_on_a_terminal_has_a_conversation()
    {
        var outcome = Qlora.RunOnTerminal("lamp on\n\nlamp off\n", "generate", "--model", model.Path, "--chat", "--max-new-tokens", "2").Succeeded();
        Assert.Equal(2, outcome.Output.Count(c => c == '\n'));
        Assert.Equal(4, outcome.Error.Split("> ").Length - 1);
        var answer = Generate("--prompt", "lamp off", "--chat", "--max-new-tokens", "2").Succeeded().Output;
        Assert.EndsWith(answer, outcome.Output, StringComparison.Ordinal); // the empty line made it forget
    }

    [Fact]
    public void Choices_that_greedy_text_does_not_have_are_told()
        => Assert.Contains("--top-k have no effect at --temperature 0", Generate("--prompt", "a", "--top-k", "5", "--max-new-tokens", "1").Succeeded().Error, StringComparison.Ordinal);

    [Fact]
    public void What_cannot_be_generated_is_refused()
    {
        using var folder = new TemporaryFolder();
        Generate("--prompt", "a", "--prompts", "b").Failed(2, "--prompts");
        Generate("--prompt", "a", "--system", "b").Failed(2, "--system needs --chat");
        Generate("--prompt", "a", "--top-p", "0").Failed(2, "above 0 and at most 1");
        Generate("--prompt", "a", "--temperature", "-1").Failed(2, "a number from 0 up");
        Generate("--prompt", "a", "--stop", "").Failed(2, "--stop");
        Generate("--prompts", folder["nothing"], "--json").Failed(3, "nothing");
        Generate("--prompts", folder.Write("empty", ""), "--json").Failed(3, "is empty");
        Generate("--prompts", folder.Write("bad", "\"a\"\n7\n"), "--json").Failed(3, "bad, line 2", "a JSON string");
        Generate("--prompt", "a", "--adapter", folder.Path, "--json").Failed(3, "there is no adapter here");
        Generate("--prompt", new string('a', 300), "--json").Failed(3, "300 tokens");
        Qlora.Run("generate", "--model", TinyData.Model, "--prompt", "a", "--json").Failed(3, "no tokenizer");
    }

    [Theory]
    [InlineData("one|two", "onetwo", "STOP")]
    [InlineData("abST|OPcd", "ab", "STOP")]
    [InlineData("ab|STO", "abSTO", "STOP")]
    [InlineData("a|b|S|T|S|T|O|P|d", "abST", "STOP")]
    [InlineData("x\n\ny", "x", "STOP", "\n\n")]
    public void Texts_that_end_an_answer_are_found_across_pieces(string pieces, string expected, params string[] stops)
    {
        var stop = new StopTexts(stops);
        var text = "";
        foreach (var piece in pieces.Split('|'))
        {
            text += stop.Add(piece);
            Assert.StartsWith(text, expected, StringComparison.Ordinal); // nothing is taken back
            if (stop.IsFound) break;
        }

        Assert.Equal(expected, text + stop.Finish());
    }

    private Outcome Generate(params string[] arguments) => Qlora.Run(["generate", "--model", model.Path, .. arguments]);
}
