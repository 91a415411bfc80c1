using System.Text;
using QLora.Text.Tokenizers;

namespace QLora.Text;

/// <summary>
/// The text of tokens that come one by one, as a model generates them. Put together, what it gives is what <see cref="Tokenizer.Decode(ReadOnlySpan{int}, bool)"/> gives.
/// </summary>
public sealed class TextStream
{
    private readonly Tokenizer _tokenizer;
    private readonly DecodedText _text;
    private readonly bool _skipSpecialTokens;
    private readonly StringBuilder _complete = new();

    internal TextStream(Tokenizer tokenizer, DecodedText text, bool skipSpecialTokens) => (_tokenizer, _text, _skipSpecialTokens) = (tokenizer, text, skipSpecialTokens);

    /// <summary>Adds a token.</summary>
    /// <param name="id">Its id; one that has no token adds nothing.</param>
    /// <returns>The text that is complete now and was not before: never half a character, and empty where more tokens are needed.</returns>
    public string Add(int id)
    {
        Add(id, _complete);
        return Take();
    }

    /// <summary>Ends the text.</summary>
    /// <returns>What was held back; bytes that are no whole character are U+FFFD.</returns>
    public string Finish()
    {
        _text.Finish(_complete);
        return Take();
    }

    internal void Add(int id, StringBuilder text)
    {
        if (_tokenizer.TokenOf(id, _skipSpecialTokens) is { } token) _text.Add(token, text);
    }

    internal void Finish(StringBuilder text) => _text.Finish(text);

    private string Take()
    {
        var text = _complete.ToString();
        _complete.Clear();
        return text;
    }
}
