using QLora.Checkpoints;
using QLora.Generation;
using QLora.Testing;

namespace QLora.Tests.Generation;

/// <summary>The sampler against transformers' logits processors, and its draws against the distribution.</summary>
public class SamplerTests
{
    public static TheoryData<string> Recorded =>
    [
        "temperature_0.7", "top_k_5", "top_p_0.8", "min_p_0.1", "repetition_1.3", "repetition_1.1_temperature_0.8_top_k_20_top_p_0.9",
    ];

    private static GenerationOptions Options(string name) => name switch
    {
        "temperature_0.7" => new() { Temperature = 0.7 },
        "top_k_5" => new() { Temperature = 1, TopK = 5 },
        "top_p_0.8" => new() { Temperature = 1, TopP = 0.8 },
        "min_p_0.1" => new() { Temperature = 1, MinP = 0.1 },
        "repetition_1.3" => new() { Temperature = 1, RepetitionPenalty = 1.3 },
        _ => new() { RepetitionPenalty = 1.1, Temperature = 0.8, TopK = 20, TopP = 0.9 },
    };

    [Theory]
    [MemberData(nameof(Recorded))]
    public void Probabilities_are_those_of_transformers(string name)
    {
        using var golden = SafetensorsFile.Open(TestData.Golden("generation/sampling.safetensors"));
        var (logits, expected) = (golden.ReadFloats("logits"), golden.ReadFloats($"{name}.probabilities"));
        var tokens = golden.ReadIntegers("input_ids").Select(id => (int)id).ToArray();
        var (vocabulary, length) = (golden.Tensors["logits"].Shape[1], golden.Tensors["input_ids"].Shape[1]);
        for (var row = 0; row < logits.Length / vocabulary; row++)
        {
            var sampler = new Sampler(Options(name), vocabulary);
            sampler.Observe(tokens.AsSpan(row * length, length));
            var probabilities = new float[vocabulary];
            sampler.Probabilities(logits.AsSpan(row * vocabulary, vocabulary), probabilities);
            for (var i = 0; i < vocabulary; i++)
            {
                Assert.Equal(expected[row * vocabulary + i], probabilities[i], 1e-6);
                Assert.Equal(expected[row * vocabulary + i] == 0, probabilities[i] == 0);
            }
        }
    }

    [Fact]
    public void Draws_follow_the_distribution()
    {
        const int Draws = 20_000;
        var logits = new[] { 0f, 1f, 2f, -1f, 1.5f };
        var sampler = new Sampler(new GenerationOptions { Temperature = 1.3, TopK = 4, Seed = 7 }, logits.Length);
        var expected = new float[logits.Length];
        new Sampler(new GenerationOptions { Temperature = 1.3, TopK = 4 }, logits.Length).Probabilities((float[])logits.Clone(), expected);
        var counts = new int[logits.Length];
        for (var i = 0; i < Draws; i++) counts[sampler.Next((float[])logits.Clone())]++;

        Assert.Equal(0, counts[3]);
        for (var i = 0; i < counts.Length; i++)
        {
            // Five standard deviations of the count.
            Assert.Equal(expected[i], counts[i] / (double)Draws, 5 * Math.Sqrt(expected[i] * (1 - expected[i]) / Draws));
        }
    }

    [Fact]
    public void The_same_seed_draws_the_same_tokens_and_another_does_not()
    {
        int[] Draw(ulong seed)
        {
            var sampler = new Sampler(new GenerationOptions { Temperature = 1, Seed = seed }, 100);
            return [.. Enumerable.Range(0, 50).Select(_ => sampler.Next(new float[100]))];
        }

        Assert.Equal(Draw(1), Draw(1));
        Assert.NotEqual(Draw(1), Draw(2));
    }

    [Fact]
    public void Temperature_zero_takes_the_first_of_the_most_likely_after_the_penalty()
    {
        Assert.Equal(1, new Sampler(new GenerationOptions(), 4).Next([1, 3, 2, 3]));
        var penalised = new Sampler(new GenerationOptions { RepetitionPenalty = 2 }, 4);
        penalised.Observe([1, 3, 1]);
        Assert.Equal(2, penalised.Next([1, 3, 2, 3]));
    }

    [Theory]
    [InlineData(1e-30)]
    [InlineData(1e-300)]
    public void The_smallest_temperatures_are_as_good_as_greedy(double temperature)
        => Assert.Equal(1, new Sampler(new GenerationOptions { Temperature = temperature, TopP = 0.5, MinP = 0.5 }, 4).Next([1, 3, 2.9999f, -80]));

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Logits_that_are_not_finite_are_an_error(float bad)
    {
        foreach (var temperature in new[] { 0, 1 })
        {
            Assert.Throws<QLoraException>(() => new Sampler(new GenerationOptions { Temperature = temperature }, 3).Next([0, bad, 1]));
        }
    }

    [Fact]
    public void Settings_out_of_range_are_errors_that_name_the_option()
    {
        foreach (var (options, name) in new (GenerationOptions, string)[]
        {
            (new() { MaxNewTokens = 0 }, "--max-new-tokens"), (new() { Temperature = -1 }, "--temperature"), (new() { Temperature = double.NaN }, "--temperature"),
            (new() { TopK = 0 }, "--top-k"), (new() { TopP = 0 }, "--top-p"), (new() { TopP = 1.1 }, "--top-p"), (new() { MinP = -0.1 }, "--min-p"),
            (new() { RepetitionPenalty = 0 }, "--repetition-penalty"),
        })
        {
            Assert.StartsWith(name, Assert.Throws<QLoraException>(() => options.Validated()).Message);
        }
    }
}
