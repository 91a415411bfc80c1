using QLora.Text;

namespace QLora.Data;

/// <summary>What training data needs of a tokenizer.</summary>
public interface ITextEncoder
{
    /// <summary>How many token ids there are; ids are below it.</summary>
    int VocabSize { get; }

    /// <summary>The text of the beginning-of-text token; null when there is none.</summary>
    string? BosToken { get; }

    /// <summary>The text of the end-of-text token; null when there is none.</summary>
    string? EosToken { get; }

    /// <summary>A text's token ids, and which part of the text each stands for.</summary>
    /// <param name="text">The text; special tokens written out in it are recognised.</param>
    /// <param name="addSpecialTokens">Whether what the tokenizer puts around a text (a beginning-of-text token) is added; such tokens have an empty span.</param>
    EncodedText Encode(string text, bool addSpecialTokens);

    /// <summary>The text of some tokens, special ones included.</summary>
    string Decode(ReadOnlySpan<int> ids);
}

/// <summary>A tokenised text.</summary>
/// <param name="Ids">The token ids.</param>
/// <param name="Spans">For each token the part of the text that it stands for, in order; tokens that share one character have the same start.</param>
public sealed record EncodedText(int[] Ids, TextSpan[] Spans);
