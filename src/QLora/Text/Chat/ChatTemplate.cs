using System.Text.Json;
using QLora.Text.Jinja;

namespace QLora.Text;

/// <summary>
/// The text that a model was trained to see for a conversation: a Jinja template, run as transformers runs it. Safe to use from several threads at once.
/// </summary>
public sealed class ChatTemplate
{
    private readonly Template _template;

    private ChatTemplate(string name, string source, Template template)
    {
        Name = name;
        Source = source;
        _template = template;
    }

    /// <summary>The template's name, for messages: the file that it came from.</summary>
    public string Name { get; }

    /// <summary>The template's own text.</summary>
    public string Source { get; }

    /// <summary>Reads a template.</summary>
    /// <param name="source">Its text.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="ChatTemplateException">It is malformed; the message tells the line and what was expected there.</exception>
    public static ChatTemplate Parse(string source, string name)
    {
        try
        {
            return new ChatTemplate(name, source, Parser.Parse(source));
        }
        catch (TemplateError e)
        {
            throw new ChatTemplateException(name, e.Line, e.Message);
        }
    }

    /// <summary>The text of a conversation.</summary>
    /// <param name="messages">A JSON array of objects with <c>role</c>, <c>content</c> and whatever else the template reads.</param>
    /// <param name="options">What else the template is given.</param>
    /// <exception cref="ChatTemplateException">The template refuses the conversation, can't be carried on with it, or would take too long or print too much.</exception>
    public RenderedChat Render(JsonElement messages, ChatTemplateOptions options) => Render(() => JsonValues.From(messages), options);

    /// <summary>The text of the first messages of a conversation.</summary>
    /// <param name="messages">The messages, each a JSON object.</param>
    /// <param name="options">What else the template is given.</param>
    /// <exception cref="ChatTemplateException">As in <see cref="Render(JsonElement, ChatTemplateOptions)"/>.</exception>
    public RenderedChat Render(IEnumerable<JsonElement> messages, ChatTemplateOptions options) => Render(() => new Sequence([.. messages.Select(JsonValues.From)]), options);

    private RenderedChat Render(Func<object?> messages, ChatTemplateOptions options)
    {
        try
        {
            var variables = new Dictionary<string, object?>
            {
                ["messages"] = messages(),
                ["tools"] = options.Tools is { } tools ? JsonValues.From(tools) : null,
                ["documents"] = null,
                ["add_generation_prompt"] = options.AddGenerationPrompt,
                ["bos_token"] = options.BosToken,
                ["eos_token"] = options.EosToken,
            };
            foreach (var (name, value) in options.Variables) variables[name] = JsonValues.From(value);
            var (text, spans) = Interpreter.Run(_template.Body, variables, options.Now ?? DateTimeOffset.Now);
            return new RenderedChat(text, _template.HasGenerationBlocks ? spans : null);
        }
        catch (TemplateError e)
        {
            throw new ChatTemplateException(Name, e.Line, e.Message);
        }
    }
}
