using System.Text.Json;
using System.Text.Unicode;

namespace QLora.Checkpoints;

/// <summary>
/// Reads JSON that came with a model. What passes here is text through and through: no name and no string in it is broken, so that none can fail when it is asked for later.
/// </summary>
public static class StrictJson
{
    /// <summary>Parses a document. The caller disposes it.</summary>
    /// <param name="utf8">The document.</param>
    /// <param name="what">What it is, for messages: a path.</param>
    /// <param name="allowComments">Whether comments are skipped; an error otherwise.</param>
    /// <exception cref="QLoraException">It is not JSON, or a string of it is no text.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> utf8, string what, bool allowComments = false)
    {
        var comments = allowComments ? JsonCommentHandling.Skip : JsonCommentHandling.Disallow;
        try
        {
            if (!Utf8.IsValid(utf8.Span)) throw new QLoraException($"{what}: not valid JSON: it is not in UTF-8");
            CheckEscapes(utf8.Span, comments);
            return JsonDocument.Parse(utf8, new JsonDocumentOptions { CommentHandling = comments });
        }
        catch (Exception cause) when (cause is JsonException or InvalidOperationException)
        {
            throw new QLoraException($"{what}: not valid JSON: {cause.Message}", cause);
        }
    }

    /// <summary>An escape may stand for half a character (<c>\ud800</c>), which the parser does not look at before the string is read.</summary>
    private static void CheckEscapes(ReadOnlySpan<byte> utf8, JsonCommentHandling comments)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { CommentHandling = comments });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped) _ = reader.GetString();
        }
    }
}
