using QLora.Autograd;
using QLora.Data;
using QLora.Models;
using QLora.Training;

namespace QLora.Tests.Training;

public class EvaluatorTests
{
    [Theory]
    [MemberData(nameof(Backends))]
    public void LossAndAccuracyAreThoseOfTheWholeLogits(string backendName)
    {
        using var backend = TestBackends.Create(backendName);
        using var model = TinyModel.WithAdapter(backend);
        var data = TinyModel.Data(9);
        var (sum, hits) = (0.0, 0);
        foreach (var example in data.Examples)
        {
            using var context = new ForwardContext(model, TokenBatch.Of(example.InputIds));
            var logits = backend.ToHost(model.LmHead.Forward(model.Forward(context), context).Value);
            for (var i = 1; i < example.Labels.Length; i++)
            {
                if (example.Labels[i] == TokenBatch.Ignored) continue;
                var row = logits.AsSpan((i - 1) * TinyModel.Vocabulary, TinyModel.Vocabulary).ToArray();
                sum += Math.Log(row.Sum(logit => Math.Exp(logit))) - row[example.Labels[i]];
                if (Array.IndexOf(row, row.Max()) == example.Labels[i]) hits++;
            }
        }

        foreach (var tokensPerBatch in new[] { 1, 20, 1024 })
        {
            var shares = new List<double>();
            var result = Evaluator.Evaluate(model, data, tokensPerBatch, new Shares(shares), TestContext.Current.CancellationToken);
            Assert.Equal(sum / data.SupervisedTokens, result.Loss, 1e-5);
            Assert.Equal(Math.Exp(result.Loss), result.Perplexity);
            Assert.Equal((double)hits / data.SupervisedTokens, result.TokenAccuracy, 1e-12);
            Assert.Equal(data.SupervisedTokens, result.SupervisedTokens);
            Assert.Equal(1, shares[^1]);
            Assert.Equal(shares.Order(), shares);
        }
    }

    [Fact]
    public void ItCanBeCancelledAndLeavesNothingBehind()
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.WithAdapter(backend);
        Evaluator.Evaluate(model, TinyModel.Data(), cancellation: TestContext.Current.CancellationToken);
        var before = backend.Memory.InUse;
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Evaluator.Evaluate(model, TinyModel.Data(), 20, new Shares([], stop.Cancel), stop.Token));
        Assert.Equal(before, backend.Memory.InUse);
    }

    [Fact]
    public void ItsMemoryDoesNotGrowWithTheNumberOfExamples()
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.WithAdapter(backend);
        Evaluator.Evaluate(model, TinyModel.Data(10), 64, cancellation: TestContext.Current.CancellationToken);
        var few = backend.Memory.PeakInUse;
        Evaluator.Evaluate(model, TinyModel.Data(100), 64, cancellation: TestContext.Current.CancellationToken);
        Assert.InRange(backend.Memory.PeakInUse, few, few + few / 4);
    }

    public static TheoryData<string> Backends() => [.. TestBackends.Names];

    private sealed class Shares(List<double> list, Action? then = null) : IProgress<double>
    {
        public void Report(double value)
        {
            list.Add(value);
            then?.Invoke();
        }
    }
}
