using QLora.Autograd;
using QLora.Generation;
using QLora.Models;
using QLora.Tests.Models;

namespace QLora.Tests.Generation;

/// <summary>Generation with the recorded models, on every backend.</summary>
public class TextGeneratorTests
{
    private const int PromptLength = 7;

    private static readonly string[] Recorded =
    [
        "llama", "llama_mha_bias", "llama3_rope", "llama_linear_rope", "llama_yarn_rope", "mistral_swa", "qwen2", "qwen3", "gemma2", "gemma3_text", "phi3", "phi3_partial_rotary", "olmo2",
        "granite", "smollm3", "gpt2", "mixtral", "qwen3_moe",
    ];

    private static readonly GenerationOptions Greedy = new() { StopTokens = [], MaxNewTokens = 12 };

    public static TheoryData<string, string> Models() => Combine(Recorded);

    public static TheoryData<string, string> ModelsAndDynamic() => Combine([.. Recorded, "llama_dynamic_rope", "llama_bnb_nf4_dq_float32"]);

    [Theory]
    [MemberData(nameof(Models))]
    public void Greedy_continuation_is_that_recorded(string name, string backendName)
    {
        using var backend = TestBackends.Create(backendName);
        using var golden = GoldenModel.Open(name, "config.json", backend);
        var recorded = golden.Reference.ReadIntegers("greedy").Select(id => (int)id).ToArray();
        Assert.Equal(recorded[PromptLength..], Generate(golden, recorded[..PromptLength], Greedy));
    }

    [Theory]
    [MemberData(nameof(ModelsAndDynamic))]
    public void Logits_with_the_cache_are_those_without(string name, string backendName)
    {
        using var backend = TestBackends.Create(backendName);
        using var golden = GoldenModel.Open(name, "config.json", backend);
        var ids = golden.Ids.Take(golden.Model.Config.CacheableLength).ToArray();
        var expected = Logits(golden, ids, null);

        // In parts of any size, one token at a time among them.
        foreach (var sizes in new int[][] { [PromptLength, 1, 1, 1, 4], [1, 8, 2], [15, 1] })
        {
            using var cache = new KeyValueCache(golden.Model, ids.Length);
            var (cached, start) = (new List<float>(), 0);
            for (var i = 0; start < ids.Length; i++)
            {
                var count = Math.Min(sizes[i % sizes.Length], ids.Length - start);
                cached.AddRange(Logits(golden, ids[start..(start + count)], cache));
                start += count;
            }

            Assert.Equal(ids.Length, cache.Length);
            RelativeError.AtMost(1e-5, expected, cached.ToArray(), $"in parts of {string.Join(", ", sizes)}");
        }
    }

    /// <summary>Beyond the trained context dynamic angles change with every token, and so do all keys.</summary>
    [Theory]
    [MemberData(nameof(ModelsAndDynamic))]
    public void Each_token_is_the_best_of_a_pass_without_cache(string name, string backendName)
    {
        using var backend = TestBackends.Create(backendName);
        using var golden = GoldenModel.Open(name, "config.json", backend);
        List<int> tokens = [.. golden.Ids[..PromptLength]];
        foreach (var token in Generate(golden, [.. tokens], Greedy))
        {
            var logits = Logits(golden, [.. tokens], null).AsSpan()[^golden.Model.Config.VocabSize..];
            Assert.Equal(System.Numerics.Tensors.TensorPrimitives.IndexOfMax(logits), token);
            tokens.Add(token);
        }

        Assert.Equal(PromptLength + Greedy.MaxNewTokens, tokens.Count);
    }

    [Fact]
    public void Text_ends_before_a_stop_token_at_the_limit_and_with_the_context()
    {
        using var backend = TestBackends.Create("reference");
        using var golden = GoldenModel.Open("llama", "config.json", backend);
        var prompt = golden.Ids[..PromptLength];
        var all = Generate(golden, prompt, Greedy).ToList();
        Assert.Equal(all.TakeWhile(token => token != all[5]), Generate(golden, prompt, Greedy with { StopTokens = [all[5]] }));
        Assert.Equal(all.Take(3), Generate(golden, prompt, Greedy with { MaxNewTokens = 3 }));

        var context = golden.Model.Config.ContextLength;
        var longPrompt = Enumerable.Range(0, context - 2).Select(i => 3 + i % 100).ToArray();
        Assert.Equal(2, Generate(golden, longPrompt, Greedy).Count());
        var error = Assert.Throws<QLoraException>(() => Generate(golden, [.. Enumerable.Repeat(3, context)], Greedy));
        Assert.Contains($"{context} tokens", error.Message);
    }

    [Fact]
    public void The_model_s_own_end_of_text_stops_unless_told_otherwise()
    {
        using var backend = TestBackends.Create("reference");
        using var golden = GoldenModel.Open("llama", "config.json", backend);
        var prompt = golden.Ids[..PromptLength];
        var sampled = Greedy with { Temperature = 3, MaxNewTokens = 200 };
        var free = Generate(golden, prompt, sampled).ToList();
        var end = free.IndexOf(golden.Model.Config.EosTokenIds.Single());
        Assert.True(end > 0, "no end-of-text token was drawn; take another seed");
        Assert.Equal(free.Take(end), Generate(golden, prompt, sampled with { StopTokens = null }));
    }

    [Fact]
    public void Bad_prompts_are_errors_before_anything_runs()
    {
        using var backend = TestBackends.Create("reference");
        using var golden = GoldenModel.Open("llama", "config.json", backend);
        Assert.Throws<QLoraException>(() => Generate(golden, [], Greedy));
        Assert.Throws<QLoraException>(() => Generate(golden, [1], Greedy with { TopK = 0 }));
        var unknown = Assert.Throws<QLoraException>(() => Generate(golden, [golden.Model.Config.VocabSize], Greedy));
        Assert.Contains("vocabulary", unknown.Message);
    }

    [Fact]
    public void Cancelling_ends_it_before_the_next_token_and_gives_the_memory_back()
    {
        using var backend = TestBackends.Create("cpu-128");
        using var golden = GoldenModel.Open("llama", "config.json", backend);
        using var cancellation = new CancellationTokenSource();
        var prompt = golden.Ids[..PromptLength];
        _ = Generate(golden, prompt, Greedy).Count();
        var before = backend.Memory.InUse;
        var made = 0;
        Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (var _ in new TextGenerator(golden.Model).Generate(prompt, Greedy, cancellation.Token))
            {
                if (++made == 3) cancellation.Cancel();
            }
        });
        Assert.Equal(3, made);
        Assert.Equal(before, backend.Memory.InUse);
    }

    [Fact]
    public void The_cache_takes_memory_as_it_fills_and_refuses_more_than_it_may_hold()
    {
        using var backend = TestBackends.Create("reference");
        using var golden = GoldenModel.Open("llama", "config.json", backend);
        var before = backend.Memory.InUse;
        using var cache = new KeyValueCache(golden.Model, 200);
        Assert.Equal(before, backend.Memory.InUse);
        var ids = Enumerable.Range(0, 300).Select(i => 3 + i % 100).ToArray();
        Logits(golden, ids[..10], cache);
        var bytesOfToken = 2L * sizeof(float) * golden.Model.Config.NumHiddenLayers * golden.Model.Config.AttentionShape.KeyHeads * golden.Model.Config.AttentionShape.HeadSize;
        var held = backend.Memory.InUse - before;
        Assert.InRange(held, 10 * bytesOfToken, 100 * bytesOfToken);
        Logits(golden, ids[10..200], cache);
        Assert.InRange(backend.Memory.InUse - before, 200 * bytesOfToken, 250 * bytesOfToken);
        Assert.Throws<QLoraException>(() => Logits(golden, ids[200..201], cache));
    }

    /// <summary>A token costs the objects of one pass, however long the text is.</summary>
    [Fact]
    public void Managed_memory_of_a_token_does_not_grow_with_the_text()
    {
        using var backend = new QLora.Cpu.CpuBackend(threads: 1);
        using var golden = GoldenModel.Open("llama", "config.json", backend);
        var at = new List<long>(250);
        foreach (var _ in Generate(golden, golden.Ids[..PromptLength], Greedy with { MaxNewTokens = 240 })) at.Add(GC.GetAllocatedBytesForCurrentThread());
        var (early, late) = (at[20] - at[10], at[220] - at[210]);
        TestContext.Current.SendDiagnosticMessage("{0} bytes a token", late / 10);
        Assert.InRange(late, 0, early + 10 * 256);
        Assert.InRange(late / 10, 0, 20_000);
    }

    private static IEnumerable<int> Generate(GoldenModel golden, int[] prompt, GenerationOptions options)
        => new TextGenerator(golden.Model).Generate(prompt, options, TestContext.Current.CancellationToken);

    private static float[] Logits(GoldenModel golden, int[] ids, KeyValueCache? cache)
    {
        using var context = new ForwardContext(golden.Model, TokenBatch.Of(ids), default, cache);
        var hidden = golden.Model.Forward(context);
        cache?.Advance(ids.Length);
        return golden.Model.Backend.ToHost(golden.Model.LmHead.Forward(hidden, context).Value);
    }

    private static TheoryData<string, string> Combine(IEnumerable<string> models)
    {
        var data = new TheoryData<string, string>();
        foreach (var model in models)
        {
            foreach (var backend in TestBackends.Names) data.Add(model, backend);
        }

        return data;
    }
}
