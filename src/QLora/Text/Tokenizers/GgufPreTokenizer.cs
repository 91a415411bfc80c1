using System.Diagnostics.CodeAnalysis;

namespace QLora.Text.Tokenizers;

/// <summary>What <c>tokenizer.ggml.pre</c> names: how texts are normalised and cut, in tokenizer.json's words as the models' own files have them.</summary>
/// <param name="Normalizer">JSON.</param>
/// <param name="PreTokenizer">JSON.</param>
/// <param name="IgnoreMerges">Whether a word that is a token is that token, whatever the merges say.</param>
/// <param name="AddsBos">Whether texts begin with the beginning-of-text token where the file doesn't say.</param>
internal sealed record GgufPreTokenizer(
    [StringSyntax(StringSyntaxAttribute.Json)] string Normalizer,
    [StringSyntax(StringSyntaxAttribute.Json)] string PreTokenizer,
    bool IgnoreMerges = false,
    bool AddsBos = false)
{
    public const string ByteLevel = """{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}""";
    public const string ByteLevelDecoder = """{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}""";

    private const string Gpt2Words = """{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}""";
    private const string Gpt2WordsAndDigits = $$"""{"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, {{Gpt2Words}}]}""";
    private const string Llama3Words = CutBefore + """\\p{N}{1,3}""" + CutBehind;
    private const string Qwen2Words = CutBefore + """\\p{N}""" + CutBehind;

    private const string CutBefore = """
        {"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|
        """;

    private const string CutBehind = $$$"""
        | ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}}, {{{ByteLevel}}}]}
        """;

    private static readonly Dictionary<string, GgufPreTokenizer> ByName = new()
    {
        ["gpt-2"] = new("null", Gpt2Words),
        ["smollm"] = new("null", Gpt2WordsAndDigits),
        ["starcoder"] = new("null", Gpt2WordsAndDigits),
        ["refact"] = new("null", Gpt2WordsAndDigits),
        ["llama-bpe"] = new("null", Llama3Words, IgnoreMerges: true, AddsBos: true),
        ["llama3"] = new("null", Llama3Words, IgnoreMerges: true, AddsBos: true),
        ["llama-v3"] = new("null", Llama3Words, IgnoreMerges: true, AddsBos: true),
        ["qwen2"] = new("""{"type": "NFC"}""", Qwen2Words),
    };

    public static string Names => string.Join(", ", ByName.Keys.Order(StringComparer.Ordinal));

    public static GgufPreTokenizer? Find(string name) => ByName.GetValueOrDefault(name);
}
