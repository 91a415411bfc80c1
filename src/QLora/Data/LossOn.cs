namespace QLora.Data;

/// <summary>Which tokens the loss is taken on.</summary>
public enum LossOn
{
    /// <summary>Every assistant turn: its content and what ends it. Of prompt and completion, the completion.</summary>
    Assistant,

    /// <summary>The completion; of a conversation, its last assistant turn.</summary>
    Completion,

    /// <summary>Every token.</summary>
    All,
}
