using System.Text;
using System.Text.Json.Nodes;
using QLora.Models;
using QLora.Text;
using QLora.Text.Tokenizers;

namespace QLora.Tests.Text.Tokenizers;

/// <summary>What is wrong or not supported in a tokenizer.json is named.</summary>
public class TokenizerJsonTests
{
    private const string Small = """
        {
          "added_tokens": [{"id": 3, "content": "<s>", "special": true}],
          "normalizer": null,
          "pre_tokenizer": null,
          "post_processor": null,
          "decoder": {"type": "Fuse"},
          "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}
        }
        """;

    [Theory]
    [InlineData("normalizer", """{"type": "Lowercase"}""", "type Lowercase is not supported; there are NFC, Prepend, Replace and Sequence")]
    [InlineData("normalizer", """{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "NFKC"}]}""", "normalizer: normalizers[1]: type: a normalizer of type NFKC")]
    [InlineData("normalizer", """{"type": "Replace", "content": "x", "pattern": {"String": ""}}""", "normalizer: pattern: String: is empty")]
    [InlineData("normalizer", """{"type": "Prepend"}""", "normalizer: field 'prepend' is missing, expected a string")]
    [InlineData("normalizer", """[]""", "field 'normalizer' is [], expected an object")]
    [InlineData("pre_tokenizer", """{"type": "Whitespace"}""", "type Whitespace is not supported; there are ByteLevel, Digits, Metaspace, Sequence and Split")]
    [InlineData("pre_tokenizer", """{"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}, {"type": "Digits"}]}""", "pretokenizers: ByteLevel before another pre-tokenizer")]
    [InlineData("pre_tokenizer", """{"type": "Split", "behavior": "Merged", "pattern": {"String": " "}}""", "behavior: 'Merged' is unknown, expected Isolated, Removed")]
    [InlineData("pre_tokenizer", """{"type": "Split", "behavior": "Isolated"}""", "pre_tokenizer: pattern: is missing")]
    [InlineData("pre_tokenizer", """{"type": "Metaspace", "replacement": "__"}""", "pre_tokenizer: replacement: is '__', expected one character")]
    [InlineData("pre_tokenizer", """{"type": "Metaspace", "prepend_scheme": "last"}""", "prepend_scheme: 'last' is unknown, expected always, first or never")]
    [InlineData("pre_tokenizer", """{"type": "ByteLevel"}""", "decoder: does not suit pre_tokenizer: either both are ByteLevel or none")]
    [InlineData("decoder", "null", "decoder: is missing")]
    [InlineData("decoder", """{"type": "WordPiece"}""", "a decoder of type WordPiece is not supported; there are ByteFallback")]
    [InlineData("decoder", """{"type": "Sequence", "decoders": [{"type": "CTC"}]}""", "decoders[0]: type: CTC is not supported")]
    [InlineData("decoder", """{"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "ByteFallback"}]}""", "decoders[1]: type: ByteFallback is not supported at this place")]
    [InlineData("decoder", """{"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Strip", "content": " ", "stop": 1}]}""", "Strip is only supported behind Fuse")]
    [InlineData("post_processor", """{"type": "BertProcessing"}""", "type BertProcessing is not supported; there are ByteLevel, Sequence and TemplateProcessing")]
    [InlineData("post_processor", """{"type": "TemplateProcessing", "single": []}""", "post_processor: single: has Sequence A 0 times, expected once")]
    [InlineData("post_processor", """{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}]}""", "special_tokens: has no '<s>'")]
    [InlineData("post_processor", """{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}], "special_tokens": {"x": {"ids": [7]}}}""", "7 is no token")]
    public void PartsAreNamed(string field, string value, string expected) => AssertRefused(field, value, expected);

    [Theory]
    [InlineData("model", "null", "model: is missing, expected an object")]
    [InlineData("model.type", "\"Unigram\"", "model: type: a model of type Unigram is not supported; there is BPE")]
    [InlineData("model.dropout", "0.1", "model: dropout: is not supported")]
    [InlineData("model.continuing_subword_prefix", "\"##\"", "model: continuing_subword_prefix: '##' is not supported, expected none")]
    [InlineData("model.unk_token", "\"<unk>\"", "model: unk_token: '<unk>' is no token of vocab")]
    [InlineData("model.vocab", "[]", "model: vocab: is of kind Array, expected an object of tokens and their ids")]
    [InlineData("model.vocab", "{}", "model: vocab: is empty")]
    [InlineData("model.vocab.a", "-1", "token 'a' has id -1, expected an integer from 0 up")]
    [InlineData("model.vocab.a", "1.5", "token 'a' has id 1.5, expected")]
    [InlineData("model.vocab.a", "\"0\"", "token 'a' has id \"0\", expected")]
    [InlineData("model.vocab.a", "99999999999", "token 'a' has id 99999999999, expected")]
    [InlineData("model.vocab.a", "1", "'a' and 'b' both have id 1")]
    [InlineData("model.vocab.a", "2000000000", "'a' has id 2000000000, expected at most 65539 for 4 tokens")]
    [InlineData("model.merges", "null", "model: field 'merges' is missing, expected an array of pairs")]
    [InlineData("model.merges", "{}", "model: merges: is of kind Object")]
    [InlineData("model.merges", """[["a"]]""", "merges: entry 0 is [\"a\"], expected \"a b\" or [\"a\", \"b\"]")]
    [InlineData("model.merges", """["a b b"]""", "merges: entry 0 is \"a b b\", expected")]
    [InlineData("model.merges", """[["a", "b"], ["a", "c"]]""", "merges: entry 1 needs 'c', which is no token of vocab")]
    [InlineData("model.merges", """["b a"]""", "merges: entry 0 needs 'ba', which is no token of vocab")]
    [InlineData("model.merges", """["a b", ["a", "b"]]""", "merges: 'a' and 'b' stand twice, the second time as entry 1")]
    [InlineData("added_tokens", """[{"id": 1, "content": "<s>"}]""", "'b' and '<s>' both have id 1")]
    [InlineData("added_tokens", """[{"id": 1, "content": "a"}]""", "added_tokens[0]: id: is 1, but 'a' has id 0 in vocab")]
    [InlineData("added_tokens", """[{"id": -1, "content": "<s>"}]""", "added_tokens[0]: field 'id' is -1, expected an integer from 0 up")]
    [InlineData("added_tokens", """[{"id": 3}]""", "added_tokens[0]: field 'content' is missing")]
    [InlineData("added_tokens", """[{"id": 3, "content": "x"}, {"id": 4, "content": "x"}]""", "added_tokens[1]: content: 'x' stands twice")]
    [InlineData("added_tokens", """[{"id": 3, "content": "x", "lstrip": 1}]""", "added_tokens[0]: field 'lstrip' is 1, expected true or false")]
    [InlineData("added_tokens", """{"id": 3}""", "field 'added_tokens' is")]
    public void TheVocabularyIsChecked(string field, string value, string expected) => AssertRefused(field, value, expected);

    [Theory]
    [InlineData("(", "can't be read"), InlineData(@"\p{Han}+", "can't be read"), InlineData(@"\p{L}++", "can't be read")]
    [InlineData("[[:alpha:]]", "has a class within a class"), InlineData("[a-z&&[^b]]", "intersects classes"), InlineData("(?m).", "sets options other than i")]
    [InlineData("(?im:a)", "sets options other than i"), InlineData("[🙂]", "names a character beyond U+FFFF")]
    public void ExpressionsThatMeanAnotherThingHereAreRefused(string expression, string expected)
    {
        var split = new JsonObject { ["type"] = "Split", ["behavior"] = "Isolated", ["pattern"] = new JsonObject { ["Regex"] = expression } };
        AssertRefused("pre_tokenizer", split.ToJsonString(), expected);
    }

    [Theory]
    [InlineData("""{"model": {"vocab": {"a": 0, "a": 1}, "merges": []}, "decoder": {"type": "Fuse"}}""", "token 'a' stands twice")]
    [InlineData("""{"model": {"vocab": {"\ud800": 0}, "merges": []}, "decoder": {"type": "Fuse"}}""", "not valid JSON")]
    [InlineData("""{"model": {"vocab": {"a": 0}, "merges": ["\ud800 a"]}, "decoder": {"type": "Fuse"}}""", "not valid JSON")]
    [InlineData("""{"model": {"vocab": {"a": 0}, "merges": [], "type": "\udc00"}, "decoder": {"type": "Fuse"}}""", "not valid JSON")]
    [InlineData("""{"model": {"vocab": {"a": 0}}, "decoder": {"type": "Fuse"}}""", "a model of type unknown is not supported")]
    [InlineData("[]", "expected a JSON object, found Array")]
    public void MalformedTextIsNamed(string json, string expected) => Assert.Contains(expected, Assert.Throws<QLoraException>(() => Read(json)).Message);

    [Fact]
    public void EveryPrefixOfAFileIsRefused()
    {
        Read(Small);
        for (var length = 0; length < Small.TrimEnd().Length; length++) Assert.Throws<QLoraException>(() => Read(Small[..length]));
    }

    [Fact]
    public void AMissingFileIsNamed()
        => Assert.StartsWith("no/tokenizer.json: there is no such file", Assert.Throws<QLoraException>(() => Tokenizer.FromJson("no/tokenizer.json")).Message);

    private static void AssertRefused(string field, string value, string expected)
    {
        var json = JsonNode.Parse(Small)!;
        var at = json;
        var path = field.Split('.');
        foreach (var name in path[..^1]) at = at[name]!;
        at[path[^1]] = JsonNode.Parse(value);
        var error = Assert.Throws<QLoraException>(() => Read(json.ToJsonString()));
        Assert.StartsWith("x/tokenizer.json: ", error.Message);
        Assert.Contains(expected, error.Message);
    }

    private static TokenizerParts Read(string json) => TokenizerJson.Read(ConfigJson.Parse(Encoding.UTF8.GetBytes(json), "x/tokenizer.json"));
}
