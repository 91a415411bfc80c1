using QLora.Text.Tokenizers;

namespace QLora.Tests.Text.Tokenizers;

/// <summary>Normalization form C, with what .NET itself leaves as it is where globalization is invariant.</summary>
public class CanonicalCompositionTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("cafe\u0301", "caf\u00E9")]
    [InlineData("a\u0302\u0301", "\u1EA5"), InlineData("a\u0301\u0302", "\u00E1\u0302")]             // one class: in their order
    [InlineData("q\u0307\u0323", "q\u0323\u0307"), InlineData("d\u0307\u0323", "\u1E0D\u0307")]     // two classes: sorted, the first combines
    [InlineData("a\u0300b\u0300", "\u00E0b\u0300"), InlineData("\u0301a", "\u0301a")]
    [InlineData("\u212B\u212A\u2126", "\u00C5K\u03A9"), InlineData("\uFA1E", "\u7FBD"), InlineData("\u0958", "\u0915\u093C")]   // never composed
    [InlineData("\u1100\u1161\u11A8", "\uAC01"), InlineData("\uAC00\u11A8", "\uAC01"), InlineData("\uAC01\u11A8", "\uAC01\u11A8")]
    [InlineData("\u09C7\u09BE", "\u09CB"), InlineData("\U0001D15E", "\U0001D157\U0001D165"), InlineData("\U00011099\U000110BA", "\U0001109A")]
    [InlineData("\uD800\u0301", "\uD800\u0301")]
    public void ComposesAsUnicodeSays(string text, string composed) => Assert.Equal(composed, Compose(text).Span.ToString());

    [Fact]
    public void CharactersKnowWhereTheyComeFrom()
    {
        var composed = Compose("ae\u0301b");
        Assert.Equal([new(0, 1), new(1, 3), new(3, 4)], Enumerable.Range(0, composed.Length).Select(i => composed.OriginOf(i, i + 1)));
    }

    [Fact]
    public void AMillionMarksAreSortedSoon() => Assert.EndsWith("\u0301", Compose("q" + new string('\u0301', 500_000) + new string('\u0323', 500_000)).Span.ToString());

    private static Piece Compose(string text) => CanonicalComposition.Compose(new Piece(new AlignedText(text), 0, text.Length));
}
