using System.Numerics.Tensors;
using System.Text.Json;
using QLora.Autograd;
using QLora.Generation;
using QLora.Models;
using QLora.Testing;
using QLora.Text;
using QLora.Verification;

namespace QLora.Tests.SmolLm2;

/// <summary>What the real model predicts and answers, beside what transformers made of the same weights.</summary>
public class PredictionTests
{
    private const double Tolerance = 1e-3;

    // A gap between the two best logits below this may honestly turn around.
    private const double SmallestGap = 0.01;

    [Theory]
    [MemberData(nameof(RealModel.Variants), MemberType = typeof(RealModel))]
    public void Log_probabilities_and_perplexity_are_those_recorded(string variant)
    {
        using var real = RealModel.Load(variant);
        var (logProbabilities, lastLogits) = Predict(real.Model, real.Text);
        Close(real.Recorded.ReadFloats($"eval.{variant}.logprobs"), logProbabilities);
        Close(real.Recorded.ReadFloats($"eval.{variant}.last_logits"), lastLogits);

        using var golden = OpenGolden();
        var perplexity = golden.RootElement.GetProperty($"{variant}.perplexity").GetDouble();
        Assert.Equal(1, Math.Exp(-logProbabilities.Average(value => (double)value)) / perplexity, Tolerance);
    }

    [Theory]
    [MemberData(nameof(RealModel.Variants), MemberType = typeof(RealModel))]
    public void Questions_are_answered_as_recorded(string variant)
    {
        using var real = RealModel.Load(variant);
        using var golden = OpenGolden();
        var tokenizer = Tokenizer.Load(real.File);
        var template = ChatTemplates.Load(real.File)!;
        foreach (var recorded in golden.RootElement.GetProperty($"{variant}.generations").EnumerateArray())
        {
            var message = JsonSerializer.SerializeToElement(new { role = "user", content = recorded.GetProperty("prompt").GetString() });
            var rendered = template.Render([message], new ChatTemplateOptions { AddGenerationPrompt = true, BosToken = tokenizer.BosToken, EosToken = tokenizer.EosToken });
            var prompt = tokenizer.Encode(rendered.Text, addSpecialTokens: false).Ids;
            Assert.Equal(Integers(recorded, "prompt_ids"), prompt);

            int[] answer = [.. new TextGenerator(real.Model).Generate(prompt, new GenerationOptions { MaxNewTokens = 32 }, TestContext.Current.CancellationToken)];
            if (recorded.GetProperty("smallest_top2_gap").GetDouble() < SmallestGap) continue;
            Assert.Equal(Integers(recorded, "ids").TakeWhile(id => !real.Model.Config.EosTokenIds.Contains(id)), answer);
            Assert.Equal(recorded.GetProperty("text").GetString(), tokenizer.Decode(answer, skipSpecialTokens: true));
        }
    }

    /// <summary>The log-probability of each token but the first, and the logits after the last.</summary>
    internal static (float[] LogProbabilities, float[] LastLogits) Predict(CausalLanguageModel model, int[] ids)
    {
        using var context = new ForwardContext(model, TokenBatch.Of(ids));
        var all = model.LmHead.Forward(model.Forward(context), context).Value;
        var logits = new float[all.Columns];
        var logProbabilities = new float[ids.Length - 1];
        for (var i = 0; i < ids.Length; i++)
        {
            model.Backend.CopyToHost(all.Slice(i, 1), logits.AsSpan());
            if (i < logProbabilities.Length) logProbabilities[i] = (float)(logits[ids[i + 1]] - LogSumExp(logits));
        }

        return (logProbabilities, logits);
    }

    internal static double Close(float[] expected, float[] actual, double tolerance = Tolerance)
    {
        var errors = new ErrorMeter();
        errors.Add(expected, actual);
        Assert.True(errors.Relative <= tolerance, $"relative error {errors.Relative:E2} exceeds {tolerance:E0}");
        TestContext.Current.SendDiagnosticMessage("relative error {0:E2}", errors.Relative);
        return errors.Relative;
    }

    private static double LogSumExp(float[] logits)
    {
        var largest = TensorPrimitives.Max<float>(logits);
        return largest + Math.Log(logits.Sum(logit => Math.Exp(logit - largest)));
    }

    private static JsonDocument OpenGolden() => JsonDocument.Parse(File.ReadAllText(TestData.Golden("smollm2/golden.json")));

    private static int[] Integers(JsonElement element, string name) => [.. element.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];
}
