using QLora.Models;

namespace QLora.Text.Tokenizers;

/// <summary>The tokens that are put around a text: <c>post_processor</c> in tokenizer.json.</summary>
/// <param name="Before">The ids before it.</param>
/// <param name="After">The ids behind it.</param>
internal sealed record PostProcessor(int[] Before, int[] After)
{
    public static PostProcessor None { get; } = new([], []);

    /// <summary>Reads a post-processor.</summary>
    /// <exception cref="QLoraException">It is malformed or not supported.</exception>
    public static PostProcessor Read(ConfigJson json, Func<int, bool> isToken)
    {
        switch (json.String("type"))
        {
            case "TemplateProcessing":
                return ReadTemplate(json, isToken);
            case "ByteLevel":
                // It trims what Hugging Face's tokenizers tell of a token's place in the text, and changes no ids.
                return None;
            case "Sequence":
                var parts = json.Objects("processors").Select(part => Read(part, isToken)).ToList();
                return new PostProcessor([.. parts.AsEnumerable().Reverse().SelectMany(part => part.Before)], [.. parts.SelectMany(part => part.After)]);
            case var type:
                throw json.Error("type", $"a post-processor of type {type} is not supported; there are ByteLevel, Sequence and TemplateProcessing");
        }
    }

    private static PostProcessor ReadTemplate(ConfigJson json, Func<int, bool> isToken)
    {
        List<int> before = [], after = [];
        var texts = 0;
        foreach (var item in json.Objects("single"))
        {
            if (item.Object("SpecialToken") is { } special)
            {
                (texts == 0 ? before : after).AddRange(IdsOf(json, special.String("id"), isToken));
            }
            else if (item.Object("Sequence") is { } sequence && sequence.String("id") == "A")
            {
                texts++;
            }
            else
            {
                throw item.Error("single", "is neither a SpecialToken nor the Sequence A");
            }
        }

        return texts == 1 ? new PostProcessor([.. before], [.. after]) : throw json.Error("single", $"has Sequence A {texts} times, expected once");
    }

    private static IReadOnlyList<int> IdsOf(ConfigJson json, string name, Func<int, bool> isToken)
    {
        var token = json.Object("special_tokens")?.Object(name) ?? throw json.Error("special_tokens", $"has no '{name}', which the template names");
        var ids = token.Integers("ids");
        foreach (var id in ids)
        {
            if (!isToken(id)) throw token.Error("ids", $"{id} is no token");
        }

        return ids;
    }
}
