using System.Text.Json;

namespace QLora.Text;

/// <summary>What a chat template is rendered with, beside the messages.</summary>
public sealed record ChatTemplateOptions
{
    /// <summary>A JSON array of the tools that the model may call; null without any.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>Whether the text ends with the beginning of an assistant's turn, for the model to go on.</summary>
    public bool AddGenerationPrompt { get; init; }

    /// <summary>The text of the tokenizer's beginning-of-text token, <c>bos_token</c> in the template; null is None.</summary>
    public string? BosToken { get; init; }

    /// <summary>The text of the tokenizer's end-of-text token, <c>eos_token</c> in the template; null is None.</summary>
    public string? EosToken { get; init; }

    /// <summary>Further variables, such as <c>date_string</c> or <c>enable_thinking</c>.</summary>
    public IReadOnlyDictionary<string, JsonElement> Variables { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>The time that <c>strftime_now</c> tells; null for the clock's.</summary>
    public DateTimeOffset? Now { get; init; }
}
