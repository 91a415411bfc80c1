using QLora.Text;

namespace QLora.Tests.Text.Tokenizers;

public class TextStreamTests
{
    private static readonly Tokenizer Bytes = Tokenizer.ByteLevel(["<|end|>"]);

    [Fact]
    public void HalfACharacterIsHeldBack()
    {
        var stream = Bytes.NewStream();
        Assert.Equal("", stream.Add(0xF0));
        Assert.Equal("", stream.Add(0x9F));
        Assert.Equal("", stream.Add(0x98));
        Assert.Equal("😀", stream.Add(0x80));
        Assert.Equal("a", stream.Add('a'));
        Assert.Equal("", stream.Add(0xC3));
        Assert.Equal("\uFFFDb", stream.Add('b'));
        Assert.Equal("", stream.Add(0xE2));
        Assert.Equal("\uFFFD", stream.Finish());
    }

    [Fact]
    public void SpecialTokensAreSkippedUnlessAskedFor()
    {
        Assert.Equal("", Bytes.NewStream().Add(256));
        Assert.Equal("<|end|>", Bytes.NewStream(skipSpecialTokens: false).Add(256));
    }

    [Fact]
    public void IdsWithoutATokenAddNothing() => Assert.Equal("ab", Bytes.Decode(['a', -1, 257, int.MaxValue, 'b']));

    [Fact]
    public void BytesBetweenPiecesComeWhenTheirRunEnds()
    {
        var tokenizer = TokenizerGoldens.Load("sentencepiece_llama2");
        int Byte(int value) => tokenizer.IdOf($"<0x{value:X2}>")!.Value;
        var stream = tokenizer.NewStream(skipSpecialTokens: false);
        Assert.Equal("", stream.Add(Byte(0xF0)) + stream.Add(Byte(0x9F)) + stream.Add(Byte(0x98)) + stream.Add(Byte(0x80)));
        Assert.Equal("😀a", stream.Add(tokenizer.IdOf("a")!.Value));
        Assert.Equal("", stream.Add(Byte('x')) + stream.Add(Byte(0xFF)));
        Assert.Equal("\uFFFD\uFFFD", stream.Finish());
    }
}
