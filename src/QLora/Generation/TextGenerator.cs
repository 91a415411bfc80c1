using System.Runtime.InteropServices;
using QLora.Autograd;
using QLora.Models;

namespace QLora.Generation;

/// <summary>Goes on from a prompt, token by token, with the adapter that is in use.</summary>
/// <param name="model">The model.</param>
public sealed class TextGenerator(CausalLanguageModel model)
{
    // Longer prompts are read in parts, so that the activations of a pass stay small beside the model.
    private const int LongestPass = 1024;

    /// <summary>
    /// The tokens that follow a prompt, each as soon as it is known. The text ends before a stop token, after <see cref="GenerationOptions.MaxNewTokens"/>, or when prompt and
    /// text together fill the model's context.
    /// </summary>
    /// <param name="prompt">Token ids, at least one and fewer than the model's context has.</param>
    /// <param name="options">How tokens are chosen.</param>
    /// <param name="cancellation">Ends it before the next token.</param>
    /// <returns>The new tokens; the stop token is not among them. They are made while they are enumerated, anew each time, and the model must not be used otherwise meanwhile.</returns>
    /// <exception cref="QLoraException">A setting is out of range, or the prompt is empty, too long or holds a token that the model does not know.</exception>
    /// <exception cref="OperationCanceledException">While enumerating: it was cancelled.</exception>
    public IEnumerable<int> Generate(ReadOnlyMemory<int> prompt, GenerationOptions options, CancellationToken cancellation = default)
    {
        options.Validated();
        var context = model.Config.ContextLength;
        if (prompt.IsEmpty) throw new QLoraException("the prompt has no token to go on from");
        if (prompt.Length >= context) throw new QLoraException($"the prompt has {prompt.Length} tokens, which leave no room for an answer in the model's context of {context}");
        TokenBatch.Of(prompt.Span).CheckFits(model.Config.VocabSize);
        return Run(prompt, options, (int)Math.Min((long)prompt.Length + options.MaxNewTokens, context), cancellation);
    }

    private IEnumerable<int> Run(ReadOnlyMemory<int> prompt, GenerationOptions options, int longest, CancellationToken cancellation)
    {
        var stopTokens = options.StopTokens ?? model.Config.EosTokenIds;
        var sampler = new Sampler(options, model.Config.VocabSize);
        var logits = new float[model.Config.VocabSize];
        var tokens = new List<int>(prompt.Length + 64);
        tokens.AddRange(prompt.Span);
        sampler.Observe(prompt.Span);
        using var cache = new KeyValueCache(model, longest);
        using var context = new ForwardContext(model, cache);
        while (tokens.Count < longest)
        {
            ReadNew(tokens, context, cache, logits, cancellation);
            var next = sampler.Next(logits);
            if (stopTokens.Contains(next)) yield break;
            tokens.Add(next);
            sampler.Observe([next]);
            yield return next;
        }
    }

    /// <summary>Passes what the cache does not hold yet through the model and leaves the logits of the last token.</summary>
    private void ReadNew(List<int> tokens, ForwardContext context, KeyValueCache cache, float[] logits, CancellationToken cancellation)
    {
        // Keys that were rotated for a shorter sequence are of no use where all angles depend on the length.
        var mayCache = tokens.Count <= model.Config.CacheableLength;
        if (!mayCache) cache.Clear();
        var all = CollectionsMarshal.AsSpan(tokens);
        while (cache.Length < all.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            var part = all[cache.Length..];
            if (mayCache && part.Length > LongestPass) part = part[..LongestPass];
            context.Begin(TokenBatch.Of(part));
            var hidden = model.Forward(context);
            cache.Advance(part.Length);
            if (cache.Length == all.Length)
            {
                var last = context.Logits(context.Rows(hidden, part.Length - 1, 1), model.LmHead);
                model.Backend.CopyToHost(last.Value, logits.AsSpan());
            }

            context.End();
        }
    }
}
