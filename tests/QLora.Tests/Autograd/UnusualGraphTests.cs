using QLora.Autograd;
using QLora.Backends;
using QLora.Models;
using QLora.Models.Llama;
using QLora.Tests.Training;

namespace QLora.Tests.Autograd;

/// <summary>Graphs that the engine's own families do not build, and a user's may.</summary>
public class UnusualGraphTests
{
    private static readonly int[] Ids = [3, 7, 1, 9];

    /// <summary>The attention's output is read again when it runs backwards, so the sum must not take its buffer over.</summary>
    [Fact]
    public void Attention_may_be_added_to_the_residual_stream_as_it_is()
    {
        using var backend = TestBackends.Create("reference");
        using var model = (LlamaModel)TinyModel.Create(backend);
        model.TrainAllWeights();
        var weight = model.Blocks[0].Attention.Value.Weight.Parameter!;
        Loss(model, record: true);
        var gradient = weight.Gradient!.Value.Span<float>().ToArray();
        var largest = Array.FindIndex(gradient, value => Math.Abs(value) == gradient.Max(Math.Abs));

        const float Step = 1e-2f;
        weight.Value.Span<float>()[largest] += Step;
        var above = Loss(model, record: false);
        weight.Value.Span<float>()[largest] -= 2 * Step;
        var below = Loss(model, record: false);
        Assert.Equal((above - below) / (2 * Step), gradient[largest], Math.Abs(gradient[largest]) * 0.01);
    }

    [Fact]
    public void A_gate_cannot_let_itself_through()
    {
        using var backend = TestBackends.Create("reference");
        using var model = (LlamaModel)TinyModel.Create(backend);
        using var context = new ForwardContext(model, TokenBatch.Of(Ids));
        var x = model.TokenEmbedding.Forward(context);
        Assert.Contains("make it twice", Assert.Throws<ArgumentException>(() => context.SwiGlu(x, x)).Message);
    }

    private static double Loss(LlamaModel model, bool record)
    {
        using var context = new ForwardContext(model, TokenBatch.Create([(Ids, Ids)]), new ForwardOptions(Record: record));
        var attention = model.Blocks[0].Attention;
        var x = model.TokenEmbedding.Forward(context);
        var (q, k, v) = (attention.Query.Forward(x, context), attention.Key.Forward(x, context), attention.Value.Forward(x, context));
        var sum = context.Add(x, context.Attention(q, k, v, 0, model.Config.AttentionShape, new AttentionOptions(1)));
        var loss = context.CrossEntropySum(sum, model.LmHead);
        if (record) context.Backward();
        return loss;
    }
}
