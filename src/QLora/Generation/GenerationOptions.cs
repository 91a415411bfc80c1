namespace QLora.Generation;

/// <summary>How text is generated. The filters act in the order of transformers: repetition penalty, temperature, top-k, top-p, min-p.</summary>
public sealed record GenerationOptions
{
    /// <summary>The most tokens that are made, at least 1.</summary>
    public int MaxNewTokens { get; init; } = 256;

    /// <summary>Divisor of the logits; 0 takes the most likely token each time (greedy), and top-k, top-p, min-p and the seed have no effect.</summary>
    public double Temperature { get; init; }

    /// <summary>Only the k most likely tokens, and those as likely as the last of them; null for all.</summary>
    public int? TopK { get; init; }

    /// <summary>Only the most likely tokens that together have this probability, above 0 up to 1; null for all.</summary>
    public double? TopP { get; init; }

    /// <summary>Only tokens at least this many times as likely as the most likely one, from 0 to 1; null for all.</summary>
    public double? MinP { get; init; }

    /// <summary>By how much tokens that stand in the text already become less likely: positive logits are divided by it, negative ones multiplied. 1 for not at all.</summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>What random choices are made from: the same seed gives the same text.</summary>
    public ulong Seed { get; init; } = 42;

    /// <summary>Tokens that end the text; null for the model's own.</summary>
    public IReadOnlyList<int>? StopTokens { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="QLoraException">A setting is out of range; the message names it.</exception>
    public GenerationOptions Validated()
    {
        if (MaxNewTokens < 1) throw new QLoraException($"--max-new-tokens is {MaxNewTokens}, expected 1 or more");
        if (!(Temperature >= 0) || !double.IsFinite(Temperature)) throw new QLoraException($"--temperature is {Temperature}, expected 0 (greedy) or more");
        if (TopK < 1) throw new QLoraException($"--top-k is {TopK}, expected 1 or more");
        if (TopP is { } topP && !(topP > 0 && topP <= 1)) throw new QLoraException($"--top-p is {topP}, expected above 0 and at most 1");
        if (MinP is { } minP && !(minP >= 0 && minP <= 1)) throw new QLoraException($"--min-p is {minP}, expected 0 to 1");
        if (!(RepetitionPenalty > 0) || !double.IsFinite(RepetitionPenalty)) throw new QLoraException($"--repetition-penalty is {RepetitionPenalty}, expected a number above 0");
        return this;
    }
}
