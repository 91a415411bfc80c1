using QLora.Cli.Frame;
using QLora.Cli.Options;

namespace QLora.Cli.Generating;

/// <summary>A conversation on a terminal: what is typed is answered, until the input ends.</summary>
/// <param name="context">The terminal.</param>
/// <param name="text">How the model reads.</param>
/// <param name="chat">Whether it is a chat that remembers; else each line is gone on from by itself.</param>
/// <param name="system">The system message; null for none.</param>
/// <param name="newAnswer">Begins an answer.</param>
internal sealed class Conversation(CommandContext context, ModelText text, bool chat, string? system, Func<AnswerStream> newAnswer)
{
    private readonly List<(string Role, string Content)> _messages = [];

    /// <summary>Reads and answers.</summary>
    public void Run()
    {
        context.Note(chat ? "Type a message; an empty line forgets what was said, Ctrl-D ends." : "Type a text to go on from; Ctrl-D ends.");
        Forget();
        while (context.Terminal.ReadLine("> ", context.Cancellation) is { } line)
        {
            if (line.Length == 0) Forget();
            else Answer(line);
        }

        context.Terminal.Error.WriteLine(); // the end of the input left the prompt standing
    }

    private void Forget()
    {
        _messages.Clear();
        if (system is not null) _messages.Add(("system", system));
    }

    private void Answer(string line)
    {
        _messages.Add(("user", line));
        var answer = newAnswer();
        var prompt = chat ? text.EncodeChat(_messages) : text.Tokenizer.Encode(line, addSpecialTokens: true).Ids;
        foreach (var piece in answer.Generate(prompt, context.Cancellation)) context.Terminal.WritePiece(piece);
        context.Terminal.Output.WriteLine();
        _messages.Add(("assistant", answer.Text));
    }
}
