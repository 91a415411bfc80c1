using System.CommandLine;
using System.Text.Json.Nodes;
using QLora.Cli.Frame;
using QLora.Cli.Generating;
using QLora.Cli.Options;
using QLora.Models;

namespace QLora.Cli.Commands;

/// <summary><c>qlora generate</c>: text from a model, with or without an adapter.</summary>
internal sealed class GenerateCommand : CliCommand
{
    private readonly ModelOptions _model = new(new QuantizationOptions(), "An adapter to put on the model");
    private readonly Option<string?> _prompt = NewOption.Text("--prompt", "What to go on from, or with --chat what the user says; standard input when there is none, and a conversation on a terminal", "TEXT");
    private readonly Option<string?> _prompts = NewOption.Text("--prompts", "A file with prompts, a JSON string a line", "FILE");
    private readonly Option<bool> _chat = NewOption.Flag("--chat", "Put the prompt into the model's chat template");
    private readonly Option<string?> _system = NewOption.Text("--system", "A system message before it, with --chat", "TEXT");
    private readonly GenerationOptionGroup _generation = new();

    public GenerateCommand() : base("generate", "Generate text, written as it is produced")
    {
        foreach (var option in new Option[] { _model.Model, _model.AdapterOption, _prompt, _prompts, _chat, _system }) Add(option);
        Add(_generation);
        foreach (var option in _model.LoadOptions) Add(option);
        Refuse(result => IsGiven(result, _prompt) && IsGiven(result, _prompts), "--prompt and --prompts: expected one of them");
        Refuse(result => IsGiven(result, _system) && !IsGiven(result, _chat), "--system needs --chat");
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("Ask a fine-tuned model", "qlora generate --model my-model --adapter my-adapter --chat --prompt \"Turn the lamp in the attic off at 5 pm\""),
        new("Go on from a text, freely", "qlora generate --model model.gguf --prompt \"Once upon a time\" --temperature 0.8 --top-p 0.95 --max-new-tokens 100"),
        new("Many prompts, an object a line", "qlora generate --model my-model --chat --prompts prompts.jsonl --json"),
        new("A prompt from a file", "qlora generate --model my-model --chat < question.txt"),
        new("A conversation", "qlora generate --model my-model --chat"),
    ];

    /// <inheritdoc/>
    protected override int Run(CommandContext context)
    {
        using var file = _model.Open(context);
        var text = ModelText.Of(file);
        var tokenizer = text.Tokenizer;
        var chat = context.Get(_chat);
        if (chat) _ = text.Template;
        var interactive = context.Get(_prompt) is null && context.Get(_prompts) is null && context.Terminal.InputIsTerminal && !context.Json;
        var prompts = interactive ? [] : ReadPrompts(context);
        var options = _generation.Read(context, text.StopTokens).Validated();
        var stops = _generation.Stops(context);

        using var loaded = _model.Load(context, file);
        AnswerStream NewAnswer() => new(loaded.Model, tokenizer, options, stops);
        if (interactive)
        {
            new Conversation(context, text, chat, context.Get(_system), NewAnswer).Run();
            return ExitCode.Success;
        }

        foreach (var prompt in prompts)
        {
            var ids = chat ? text.EncodeChat(Messages(context, prompt)) : tokenizer.Encode(prompt, addSpecialTokens: true).Ids;
            if (context.Json) WriteJson(context, NewAnswer(), ids);
            else Write(context, NewAnswer(), ids, prompts.Count > 1 ? prompt : null);
        }

        return ExitCode.Success;
    }

    private IReadOnlyList<string> ReadPrompts(CommandContext context)
    {
        if (context.Get(_prompt) is { } prompt) return [prompt];
        if (context.Get(_prompts) is { } path)
        {
            var prompts = JsonStrings.ParseLines(InputFile.ReadAllText(path, "prompts"), path).ToList();
            return prompts.Count > 0 ? prompts : throw new QLoraException($"{path} is empty; expected a JSON string a line");
        }

        var input = context.Terminal.ReadInput(context.Cancellation);
        if (input.EndsWith('\n')) input = input[..^1];
        return input.Length > 0 ? [input] : throw new QLoraException("there is no prompt: standard input is empty; give --prompt");
    }

    private (string Role, string Content)[] Messages(CommandContext context, string prompt)
        => context.Get(_system) is { } system ? [("system", system), ("user", prompt)] : [("user", prompt)];

    private static void WriteJson(CommandContext context, AnswerStream answer, int[] prompt)
    {
        foreach (var _ in answer.Generate(prompt, context.Cancellation)) context.Status.Show($"{answer.Ids.Count} tokens");
        context.WriteJson(new JsonObject
        {
            ["prompt_ids"] = new JsonArray([.. prompt.Select(id => (JsonNode)id)]),
            ["ids"] = new JsonArray([.. answer.Ids.Select(id => (JsonNode)id)]),
            ["text"] = answer.Text,
        });
    }

    private static void Write(CommandContext context, AnswerStream answer, int[] prompt, string? title)
    {
        if (title is not null) context.Terminal.Output.WriteLine($"> {title}");
        foreach (var piece in answer.Generate(prompt, context.Cancellation)) context.Terminal.WritePiece(piece);
        context.Terminal.Output.WriteLine();
        if (title is not null) context.Terminal.Output.WriteLine();
    }
}
