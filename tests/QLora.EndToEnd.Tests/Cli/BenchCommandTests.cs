namespace QLora.EndToEnd.Tests.Cli;

public class BenchCommandTests
{
    [Fact]
    public void Json_has_the_keys_of_the_design()
    {
        var json = Qlora.Run("bench", "--model", TinyData.Model, "--tokens", "32", "--repeat", "2", "--rank", "4", "--json").Succeeded().Json;
        double Value(string key) => json.GetProperty(key).GetDouble();
        foreach (var key in new[]
        {
            "train_tokens_per_second", "prompt_tokens_per_second", "generate_tokens_per_second", "load_seconds", "peak_memory_bytes", "flop_limit_gflops", "flop_share",
            "memory_bandwidth_gb_s", "bandwidth_share",
        })
        {
            Assert.True(Value(key) > 0, key);
        }

        // 67,584 weights of linear layers and 128 × 64 of the output head.
        Assert.Equal(67_584 + 128 * 64, json.GetProperty("matrix_weights").GetInt64());
        Assert.Equal(4 * Value("matrix_weights") * Value("train_tokens_per_second") / (Value("flop_limit_gflops") * 1e9), Value("flop_share"), 1e-9);
        Assert.Equal(Value("bytes_per_token") * Value("generate_tokens_per_second") / (Value("memory_bandwidth_gb_s") * 1e9), Value("bandwidth_share"), 1e-9);
        Assert.InRange(Value("flop_share"), 0, 1);
    }

    [Fact]
    public void Sequences_must_fit_the_model()
    {
        Qlora.Run("bench", "--model", TinyData.Model, "--tokens", "257", "--json").Failed(3, "--tokens is 257", "256");
        Qlora.Run("bench", "--model", TinyData.Model, "--max-length", "1", "--json").Failed(2, "a whole number from 2 up");
        Qlora.Run("bench", "--json").Failed(2, "--model");
    }
}
