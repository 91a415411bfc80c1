using QLora.Models;
using QLora.Text;

namespace QLora.Data;

/// <summary>
/// Turns rows into token ids and labels. A row's text is tokenised once, as a whole, so that the ids are those of the text that the model will meet; a token is supervised when it
/// begins inside a supervised part of the text.
/// </summary>
/// <remarks>
/// As TRL does, the end-of-text token is appended to texts and completions that do not end with it, where the tokenizer has one, and texts and prompts get what the tokenizer puts
/// around a text (a beginning-of-text token). Conversations get neither: their template says it all.
/// </remarks>
public sealed class ExampleBuilder
{
    private readonly ITextEncoder _encoder;
    private readonly ChatTemplate? _template;
    private readonly DatasetOptions _options;
    private readonly DateTimeOffset _now = DateTimeOffset.Now;

    /// <summary>Creates a builder.</summary>
    /// <param name="encoder">The model's tokenizer.</param>
    /// <param name="template">The model's chat template; null when it has none, and rows with messages are refused.</param>
    /// <param name="options">What is supervised, and how long an example may be.</param>
    /// <exception cref="QLoraException">The maximum length is below 2.</exception>
    public ExampleBuilder(ITextEncoder encoder, ChatTemplate? template, DatasetOptions options)
    {
        if (options.MaxLength < 2) throw new QLoraException($"--max-length is {options.MaxLength}, expected at least 2: one token and the next");
        _encoder = encoder;
        _template = template;
        _options = options;
    }

    /// <summary>Tokens that an example may have; of a longer one the front is kept.</summary>
    public int MaxLength => _options.MaxLength;

    /// <summary>The example that a row makes.</summary>
    /// <exception cref="QLoraException">The row can't be trained on as asked; the message says why, without file and line.</exception>
    public EncodedExample Build(DataRow row)
    {
        var whole = row switch
        {
            ChatRow chat => OfChat(chat),
            CompletionRow completion => OfText(completion.Prompt + WithEos(completion.Completion), LossOnOf(LossOn.Completion) == LossOn.All ? 0 : completion.Prompt.Length),
            TextRow text => OfText(WithEos(text.Text), LossOnOf(LossOn.All) == LossOn.All ? 0
                : throw new QLoraException($"a text has no {_options.LossOn!.Value.ToString().ToLowerInvariant()}; train on it with --loss-on all, or split it into prompt and completion")),
            TokenRow tokens => OfTokens(tokens),
            _ => throw new ArgumentException($"no example is defined for {row.GetType().Name}", nameof(row)),
        };
        return Truncate(whole, mayBeUnsupervised: row is TokenRow);
    }

    private LossOn LossOnOf(LossOn suiting) => _options.LossOn ?? suiting;

    private string WithEos(string text) => _encoder.EosToken is { } eos && !text.EndsWith(eos, StringComparison.Ordinal) ? text + eos : text;

    private EncodedExample OfChat(ChatRow chat)
    {
        if (_template is null) throw new QLoraException("the row has messages, but the model has no chat template to render them with; use prompt and completion, or text");
        var options = new ChatTemplateOptions { Tools = chat.Tools, BosToken = _encoder.BosToken, EosToken = _encoder.EosToken, Now = _now };
        var turns = new AssistantTurns(_template, options, chat);
        var lossOn = LossOnOf(LossOn.Assistant);
        var encoded = _encoder.Encode(turns.Whole.Text, addSpecialTokens: false);
        return lossOn == LossOn.All
            ? EncodedExample.Supervise(turns.Whole.Text, encoded, _ => true)
            : EncodedExample.Supervise(turns.Whole.Text, encoded, turns.Find(lastOnly: lossOn == LossOn.Completion));
    }

    private EncodedExample OfText(string text, int supervisedFrom)
    {
        var encoded = _encoder.Encode(text, addSpecialTokens: true);
        return supervisedFrom == 0
            ? EncodedExample.Supervise(text, encoded, _ => true)
            : EncodedExample.Supervise(text, encoded, [new TextSpan(supervisedFrom, text.Length)]);
    }

    private EncodedExample OfTokens(TokenRow row)
    {
        for (var i = 0; i < row.InputIds.Length; i++)
        {
            CheckId(row.InputIds[i], $"input_ids[{i}]", "");
            if (row.Labels[i] != TokenBatch.Ignored) CheckId(row.Labels[i], $"labels[{i}]", $" or {TokenBatch.Ignored}");
        }

        return EncodedExample.OfTokens(_encoder, row, _options.MaxLength);
    }

    private void CheckId(int id, string name, string otherwise)
    {
        if (id < 0 || id >= _encoder.VocabSize) throw new QLoraException($"{name} is {id}, expected 0 to {_encoder.VocabSize - 1}{otherwise}");
    }

    private EncodedExample Truncate(EncodedExample whole, bool mayBeUnsupervised)
    {
        var example = whole.Truncate(_options.MaxLength);
        if (example.Example.SupervisedTokens > 0 || (mayBeUnsupervised && !example.IsTruncated)) return example;
        throw new QLoraException(example.IsTruncated && whole.Example.SupervisedTokens > 0
            ? $"of its {whole.Example.InputIds.Length} tokens the first {_options.MaxLength} are kept, and none of them is supervised; raise --max-length, or shorten the prompt"
            : "it has no supervised token to learn from");
    }
}
