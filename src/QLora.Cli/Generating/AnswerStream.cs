using System.Text;
using QLora.Generation;
using QLora.Models;
using QLora.Text;

namespace QLora.Cli.Generating;

/// <summary>Generates text piece by piece, and remembers it.</summary>
/// <param name="model">The model.</param>
/// <param name="tokenizer">Its tokenizer.</param>
/// <param name="options">How tokens are chosen, and which ones end the text.</param>
/// <param name="stops">Texts that end it too.</param>
internal sealed class AnswerStream(CausalLanguageModel model, Tokenizer tokenizer, GenerationOptions options, IReadOnlyList<string> stops)
{
    private readonly StringBuilder _text = new();
    private readonly List<int> _ids = [];

    /// <summary>The tokens so far.</summary>
    public IReadOnlyList<int> Ids => _ids;

    /// <summary>The text so far.</summary>
    public string Text => _text.ToString();

    /// <summary>The pieces of the text, each as soon as it is known.</summary>
    /// <param name="prompt">Token ids.</param>
    /// <param name="cancellation">Ends it before the next token.</param>
    public IEnumerable<string> Generate(int[] prompt, CancellationToken cancellation)
    {
        var stream = tokenizer.NewStream();
        var stop = new StopTexts(stops);
        foreach (var id in new TextGenerator(model).Generate(prompt, options, cancellation))
        {
            _ids.Add(id);
            yield return Remember(stop.Add(stream.Add(id)));
            if (stop.IsFound) yield break;
        }

        yield return Remember(stop.Add(stream.Finish()) + stop.Finish());
    }

    private string Remember(string piece)
    {
        _text.Append(piece);
        return piece;
    }
}
