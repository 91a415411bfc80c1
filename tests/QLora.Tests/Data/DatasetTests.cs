using QLora.Data;
using QLora.Testing;
using QLora.Text;

namespace QLora.Tests.Data;

public sealed class DatasetTests : IDisposable
{
    private const string ChatMl =
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    private const string Conversation =
        """{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo 🙂"}, {"role": "user", "content": "Bye"}, {"role": "assistant", "content": "Ciao"}]}""";

    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void ConversationsAreSupervisedOnTheAssistant() => Assert.Equal(["Yo 🙂<|im_end|>\n", "Ciao<|im_end|>\n"], Supervised(Conversation));

    [Fact]
    public void ConversationsCanBeSupervisedOnTheLastTurn() => Assert.Equal(["Ciao<|im_end|>\n"], Supervised(Conversation, LossOn.Completion));

    [Fact]
    public void ConversationsCanBeSupervisedWhole() => Assert.Equal(
        ["<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo 🙂<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\nCiao<|im_end|>\n"],
        Supervised(Conversation, LossOn.All));

    [Theory]
    [InlineData(LossOn.Assistant, new[] { "Yo 🙂", "Ciao" }), InlineData(LossOn.Completion, new[] { "Ciao" })]
    public void GenerationBlocksSayWhatIsTheAssistants(LossOn lossOn, string[] expected) => Assert.Equal(
        expected, Supervised(Conversation, lossOn, template: "{% for m in messages %}[{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}]{% endfor %}"));

    [Fact]
    public void PromptAndCompletionAreSupervisedOnTheCompletionAndItsEnd()
    {
        var row = """{"prompt": "2+2=", "completion": "4"}""";
        Assert.Equal(["4</s>"], Supervised(row));
        Assert.Equal(["4</s>"], Supervised(row, LossOn.Assistant));
        Assert.Equal(["2+2=4</s>"], Supervised(row, LossOn.All));
        Assert.Equal("<s>2+2=4</s>", Decoded(row));
        Assert.Equal("<s>2+2=4</s>", Decoded("""{"prompt": "2+2=", "completion": "4</s>"}"""));
    }

    [Fact]
    public void TextsAreSupervisedWholeAndEnded()
    {
        Assert.Equal(["abc</s>"], Supervised("""{"text": "abc", "source": "somewhere"}"""));
        Assert.Equal("<s>abc</s>", Decoded("""{"text": "abc"}"""));
        Assert.Contains("a text has no completion; train on it with --loss-on all", Error("""{"text": "abc"}""", LossOn.Completion).Message);
    }

    [Fact]
    public void TokensAreTakenAsTheyAre()
    {
        var example = Assert.Single(Load("""{"input_ids": [97, 98, 99, 100], "labels": [-100, 98, 120, -100]}""", LossOn.All).Examples);
        Assert.Equal([97, 98, 99, 100], example.InputIds);
        Assert.Equal([-100, 98, 120, -100], example.Labels);
        Assert.Equal(2, example.SupervisedTokens);
        var preview = Assert.Single(Dataset.Read(_file, Builder()));
        Assert.Equal("abcd", preview.Text);
        Assert.Equal([new TextSpan(1, 3)], preview.SupervisedSpans());
    }

    [Fact]
    public void TheFirstLabelIsNotCounted() => Assert.Equal(1, Load("""{"input_ids": [97, 98], "labels": [97, 98]}""").SupervisedTokens);

    [Fact]
    public void ToolsReachTheTemplate()
    {
        var row = """{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": null, "tool_calls": [{"n": 1}]}], "tools": [{"name": "f"}]}""";
        Assert.Equal(["[{\"n\": 1}]"], Supervised(row, template: "{{ tools[0].name }}:{% for m in messages %}{{ m.role[0] }}{{ m.tool_calls | tojson if m.tool_calls else m.content }}{% endfor %}{{ 'a' if add_generation_prompt }}"));
    }

    [Fact]
    public void FormsMayBeMixedAndTheFileMayEndInBlankLines()
    {
        File.WriteAllText(_file, "\uFEFF" + Conversation + "\r\n" + """{"text": "b"}""" + "\n" + """{"prompt": "", "completion": "c"}""" + "\n\n  \n");
        var dataset = Dataset.Load(_file, Builder());
        Assert.Equal([3, 0], [dataset.Examples.Count, dataset.TruncatedExamples]);
        Assert.Equal(dataset.Examples.Sum(example => example.InputIds.Length), dataset.Tokens);
        Assert.Equal(dataset.Examples.Max(example => example.InputIds.Length), dataset.LongestExample);
    }

    [Fact]
    public void LinesLongerThanTheBufferAreRead()
    {
        var text = new string('x', 300_000);
        File.WriteAllLines(_file, Enumerable.Range(0, 3).Select(_ => $$"""{"text": "{{text}}"}"""));
        Assert.All(Dataset.Load(_file, Builder(maxLength: 1_000_000)).Examples, example => Assert.Equal(300_002, example.InputIds.Length));
    }

    [Fact]
    public void LongExamplesKeepTheirFrontAndAreCounted()
    {
        File.WriteAllLines(_file, ["""{"text": "abcdef"}""", """{"text": "ab"}""", """{"input_ids": [97, 98, 99, 100, 101], "labels": [-100, 98, 99, 100, 101]}"""]);
        var dataset = Dataset.Load(_file, Builder(maxLength: 4));
        Assert.Equal(2, dataset.TruncatedExamples);
        Assert.Equal([[CharacterEncoder.Bos, 97, 98, 99], [CharacterEncoder.Bos, 97, 98, CharacterEncoder.Eos], [97, 98, 99, 100]], dataset.Examples.Select(example => example.InputIds));
        Assert.Equal(["abc", "ab</s>", "abcd"], Dataset.Read(_file, Builder(maxLength: 4)).Select(example => example.Text));
        Assert.Equal([true, false, true], Dataset.Read(_file, Builder(maxLength: 4)).Select(example => example.IsTruncated));
    }

    [Theory]
    [InlineData("""{"prompt": "abcdefgh", "completion": "i"}""", "of its 11 tokens the first 5 are kept, and none of them is supervised; raise --max-length, or shorten the prompt")]
    [InlineData("""{"input_ids": [1, 2, 3, 4, 5, 6], "labels": [-100, -100, -100, -100, -100, 6]}""", "of its 6 tokens the first 5 are kept, and none of them is supervised; raise --max-length, or shorten the prompt")]
    public void AnExampleTruncatedToNoSupervisedTokenIsRefused(string row, string expected) => Assert.Equal($"{_file}, line 1: {expected}", Error(row, maxLength: 5).Message);

    [Fact]
    public void ASetWithNoSupervisedTokenIsRefused() => Assert.Equal(
        $"{_file}: no token of its 1 examples is supervised, so there is nothing to learn; every label is -100", Error("""{"input_ids": [1, 2], "labels": [-100, -100]}""").Message);

    [Fact]
    public void AnEmptyFileIsRefused() => Assert.Equal($"{_file} has no examples; expected one JSON object a line", Error("").Message);

    [Fact]
    public void AMissingFileIsNamed() => Assert.Contains("nowhere.jsonl", Assert.Throws<QLoraException>(() => Dataset.Load("nowhere.jsonl", Builder())).Message);

    [Theory]
    [InlineData("{", "not valid JSON at byte 1; expected one whole JSON object a line")]
    [InlineData("""{"text": "a"} {"text": "b"}""", "not valid JSON at byte 14; expected one whole JSON object a line")]
    [InlineData("[1]", "found an array, expected an object with messages, prompt and completion, text, or input_ids and labels")]
    [InlineData("{}", "found none of the fields that are trained on, expected messages, prompt and completion, text, or input_ids and labels")]
    [InlineData("""{"prompt": "x"}""", "found prompt, expected messages, prompt and completion, text, or input_ids and labels")]
    [InlineData("""{"text": "x", "messages": []}""", "found messages, text, expected messages, prompt and completion, text, or input_ids and labels")]
    [InlineData("""{"text": "x", "tools": []}""", "found text, tools, expected messages, prompt and completion, text, or input_ids and labels")]
    [InlineData("""{"text": "x", "text": "y"}""", "a field stands twice: text, text")]
    [InlineData("""{"text": 1}""", "text is 1, expected a string"), InlineData("""{"text": ""}""", "text is empty")]
    [InlineData("""{"text": "\ud800"}""", "text holds half of a surrogate pair (\\ud800 to \\udfff), which is no character")]
    [InlineData("""{"prompt": [{"role": "user"}], "completion": "x"}""", "prompt is an array, expected a string; a conversation goes into messages")]
    [InlineData("""{"prompt": "x", "completion": ""}""", "completion is empty")]
    [InlineData("""{"messages": {}}""", "messages is an object, expected an array"), InlineData("""{"messages": []}""", "messages is empty")]
    [InlineData("""{"messages": ["x"]}""", "messages[0] is a string, expected an object with role and content")]
    [InlineData("""{"messages": [{"content": "x"}]}""", "messages[0] has no role, expected system, developer, user, assistant, tool")]
    [InlineData("""{"messages": [{"role": 1, "content": "x"}]}""", "messages[0].role is 1, expected system, developer, user, assistant, tool")]
    [InlineData("""{"messages": [{"role": "gpt", "content": "x"}]}""", "messages[0].role is \"gpt\", expected system, developer, user, assistant, tool")]
    [InlineData("""{"messages": [{"role": "user"}]}""", "messages[0] has no content")]
    [InlineData("""{"messages": [{"role": "user", "content": 3}]}""", "messages[0].content is 3, expected a string or an array of text parts")]
    [InlineData("""{"messages": [{"role": "user", "content": [{"type": "image"}]}]}""", "messages[0].content has a part that is no text, expected {\"type\": \"text\", \"text\": …}")]
    [InlineData("""{"messages": [{"role": "user", "content": "x", "tool_calls": 1}]}""", "messages[0].tool_calls is 1, expected an array")]
    [InlineData("""{"messages": [{"role": "user", "content": "x"}]}""", "the conversation has no assistant turn to learn from; add one, or train on every token with --loss-on all")]
    [InlineData("""{"messages": [{"role": "user", "content": "x"}], "tools": "f"}""", "tools is a string, expected an array of objects")]
    [InlineData("""{"messages": [{"role": "user", "content": "x"}], "tools": ["f"]}""", "tools holds a string, expected objects")]
    [InlineData("""{"messages": [{"role": "user", "content": "\udfff"}]}""", "chat template test: a string holds half of a surrogate pair (\\ud800 to \\udfff), which is no character")]
    [InlineData("""{"input_ids": [1, 2]}""", "found input_ids, expected messages, prompt and completion, text, or input_ids and labels")]
    [InlineData("""{"input_ids": 1, "labels": [1]}""", "input_ids is 1, expected an array of token ids")]
    [InlineData("""{"input_ids": [], "labels": []}""", "input_ids is empty")]
    [InlineData("""{"input_ids": [1, 2], "labels": [1]}""", "labels has 1 entries, expected as many as input_ids, 2")]
    [InlineData("""{"input_ids": [1.5], "labels": [1]}""", "input_ids[0] is 1.5, expected a token id")]
    [InlineData("""{"input_ids": [1, "2"], "labels": [1, 2]}""", "input_ids[1] is a string, expected a token id")]
    [InlineData("""{"input_ids": [99999999999], "labels": [1]}""", "input_ids[0] is 99999999999, expected a token id")]
    [InlineData("""{"input_ids": [65540], "labels": [1]}""", "input_ids[0] is 65540, expected 0 to 65539")]
    [InlineData("""{"input_ids": [-1], "labels": [1]}""", "input_ids[0] is -1, expected 0 to 65539")]
    [InlineData("""{"input_ids": [1], "labels": [-1]}""", "labels[0] is -1, expected 0 to 65539 or -100")]
    public void ABadLineIsNamed(string line, string expected)
    {
        File.WriteAllLines(_file, ["""{"text": "good"}""", line, """{"text": "good"}"""]);
        Assert.Equal($"{_file}, line 2: {expected}", Assert.Throws<QLoraException>(() => Dataset.Load(_file, Builder())).Message);
    }

    [Fact]
    public void ABlankLineInTheMiddleIsNamed()
    {
        File.WriteAllLines(_file, ["""{"text": "good"}""", "  ", """{"text": "good"}"""]);
        Assert.Equal($"{_file}, line 2: the line is blank, expected one JSON object a line", Assert.Throws<QLoraException>(() => Dataset.Load(_file, Builder())).Message);
    }

    [Fact]
    public void TextThatIsNotUtf8IsNamed()
    {
        File.WriteAllBytes(_file, [.. "{\"text\": \""u8, 0xFF, .. "\"}"u8]);
        Assert.Equal($"{_file}, line 1: the line is not UTF-8 text", Assert.Throws<QLoraException>(() => Dataset.Load(_file, Builder())).Message);
    }

    [Fact]
    public void DeepNestingIsNamed() => Assert.Contains("line 1: not valid JSON", Error(new string('[', 100_000)).Message);

    [Fact]
    public void ATemplateThatIsNotStableIsRefused()
    {
        var thinkingOnlyInTheLastTurn = "{% for m in messages %}<{{ m.role }}>{{ m.content if loop.last else m.content[:1] }}{% endfor %}{{ '<assistant>' if add_generation_prompt }}";
        Assert.StartsWith($"{_file}, line 1: chat template test does not let the assistant's turn messages[1] be told from the rest", Error(Conversation, template: thinkingOnlyInTheLastTurn).Message);
        var noPrompt = "{% for m in messages %}{{ m.content }}{% endfor %}{{ '!' if add_generation_prompt }}";
        Assert.Contains("the prompt before it does not begin the text with it", Error(Conversation, template: noPrompt).Message);
    }

    [Fact]
    public void WhatTheTemplateRefusesIsNamed() => Assert.Equal(
        $"{_file}, line 1: chat template test, line 1: alternate!", Error(Conversation, template: "{{ raise_exception('alternate!') }}").Message);

    [Fact]
    public void AModelWithoutATemplateRefusesConversations()
    {
        File.WriteAllText(_file, Conversation);
        var builder = new ExampleBuilder(new CharacterEncoder(), template: null, new DatasetOptions());
        Assert.Contains("the model has no chat template", Assert.Throws<QLoraException>(() => Dataset.Load(_file, builder)).Message);
    }

    [Theory]
    [InlineData("train.jsonl", 800), InlineData("eval.jsonl", 100)]
    public void TheSmartHomeDataIsReadWhole(string file, int count)
    {
        var path = TestData.Shared($"data/smart-home/{file}");
        var examples = Dataset.Read(path, Builder()).ToList();
        Assert.Equal(count, examples.Count);
        Assert.Equal(count, Dataset.Load(path, Builder()).Examples.Count);
        Assert.All(examples, example =>
        {
            var span = Assert.Single(example.SupervisedSpans());
            Assert.StartsWith("{\"device\":", example.Text[span.Start..]);
            Assert.EndsWith("<|im_end|>\n", example.Text[..span.End]);
            Assert.False(example.IsTruncated);
        });
    }

    private static ExampleBuilder Builder(LossOn? lossOn = null, int maxLength = 1024, string template = ChatMl) =>
        new(new CharacterEncoder(), ChatTemplate.Parse(template, "test"), new DatasetOptions { LossOn = lossOn, MaxLength = maxLength });

    private Dataset Load(string row, LossOn? lossOn = null, int maxLength = 1024, string template = ChatMl)
    {
        File.WriteAllText(_file, row);
        return Dataset.Load(_file, Builder(lossOn, maxLength, template));
    }

    private QLoraException Error(string row, LossOn? lossOn = null, int maxLength = 1024, string template = ChatMl) =>
        Assert.Throws<QLoraException>(() => Load(row, lossOn, maxLength, template));

    private string Decoded(string row) => new CharacterEncoder().Decode(Assert.Single(Load(row).Examples).InputIds);

    private List<string> Supervised(string row, LossOn? lossOn = null, string template = ChatMl)
    {
        File.WriteAllText(_file, row);
        var example = Assert.Single(Dataset.Read(_file, Builder(lossOn, template: template)));
        return [.. example.SupervisedSpans().Select(span => example.Text[span.Start..span.End])];
    }
}
