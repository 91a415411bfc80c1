namespace QLora.Tests;

/// <summary>Reference data is found file by file: in the repository first, beside it next.</summary>
public class TestDataTests
{
    [Theory]
    [InlineData("quant/blockwise.safetensors")]
    [InlineData("models/llama/adapter")]
    [InlineData("tokenizers/byte_level_gpt2/tokenizer.json")]
    [InlineData("chat/features.json")]
    public void What_was_made_for_the_purpose_is_in_the_repository(string path)
        => Assert.StartsWith(TestData.Root, TestData.Golden(path), StringComparison.Ordinal);

    [Theory]
    [InlineData("tokenizers/smollm2/tokenizer.json")]
    [InlineData("tokenizers/qwen2_5/golden.json")]
    [InlineData("chat/templates.json")]
    [InlineData("smollm2/golden.safetensors")]
    public void What_others_made_lies_beside_it(string path)
        => Assert.Equal(TestData.Shared(Path.Combine("goldens", path)), TestData.Golden(path));
}
