using QLora.Text.Tokenizers;

namespace QLora.Tests.Text.Tokenizers;

public class AddedTokenTests
{
    [Fact]
    public void TheLongestOfThoseAtOnePlaceIsFound() => Assert.Equal(
        ["x", "[<|a|>b]", "y", "[<|a|>]", "<|a|"], Find("x<|a|>by<|a|><|a|", new AddedToken(1, "<|a|>"), new AddedToken(2, "<|a|>b")));

    [Fact]
    public void WhiteSpaceIsTakenOnTheSidesThatStrip()
    {
        var token = new AddedToken(1, "<t>");
        Assert.Equal(["a ", "[<t>]", "\n b"], Find("a <t>\n b", token));
        Assert.Equal(["a", "[ <t>]", "\n b"], Find("a <t>\n b", token with { StripsLeft = true }));
        Assert.Equal(["a ", "[<t>\n ]", "b"], Find("a <t>\n b", token with { StripsRight = true }));
        Assert.Equal(["[ <t>  ]", "[<t>]"], Find(" <t>  <t>", token with { StripsLeft = true, StripsRight = true }));
    }

    [Fact]
    public void ASingleWordStandsAlone()
    {
        var token = new AddedToken(1, "word") { IsSingleWord = true };
        var found = Find("word sword words word-word. éword word1 word\u0301 word", token);
        Assert.Equal(["[word]", " sword words ", "[word]", "-", "[word]", ". éword word1 word\u0301 ", "[word]"], found);
    }

    private static List<string> Find(string text, params AddedToken[] tokens)
    {
        var finder = new AddedTokenFinder(tokens.Select(token => (token.Content, token)));
        var segments = finder.Find(new Piece(new AlignedText(text), 0, text.Length));
        return [.. segments.Select(segment => segment.Token is null ? segment.Text.Span.ToString() : $"[{segment.Text.Span}]")];
    }
}
