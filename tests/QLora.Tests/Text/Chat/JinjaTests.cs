using System.Text.Json;
using QLora.Testing;
using QLora.Text;

namespace QLora.Tests.Text.Chat;

/// <summary>Some hundreds of small templates as Jinja itself renders them.</summary>
public class JinjaTests
{
    private static readonly JsonElement Recorded =
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestData.Root, "tests", "QLora.Tests", "Text", "Chat", "jinja.json"))).RootElement;

    private static readonly ChatTemplateOptions Options = new()
    {
        Variables = Recorded.GetProperty("variables").EnumerateObject().ToDictionary(variable => variable.Name, variable => variable.Value),
    };

    [Fact]
    public void RendersWhatJinjaRenders()
    {
        var cases = Recorded.GetProperty("cases").EnumerateArray().Where(recorded => recorded.TryGetProperty("rendered", out _)).ToList();
        Assert.True(cases.Count > 400);
        Assert.All(cases, recorded => Assert.Equal(recorded.GetProperty("rendered").GetString(), Render(recorded.GetProperty("template").GetString()!)));
    }

    [Fact]
    public void RefusesWhatJinjaRefuses()
    {
        var cases = Recorded.GetProperty("cases").EnumerateArray().Where(recorded => recorded.TryGetProperty("error", out _)).ToList();
        Assert.True(cases.Count > 70);
        Assert.All(cases, recorded => Assert.Throws<ChatTemplateException>(() => Render(recorded.GetProperty("template").GetString()!)));
    }

    [Theory]
    [InlineData("%d %b %Y", "05 Mar 2026"), InlineData("%-d %B %Y", "5 March 2026"), InlineData("%A, %a %H:%M:%S", "Thursday, Thu 07:08:09")]
    [InlineData("%Y-%m-%dT%I%p %j %y %F %T %%", "2026-03-05T07AM 064 26 2026-03-05 07:08:09 %")]
    public void TellsTheTimeAsStrftime(string format, string expected) => Assert.Equal(
        expected, Render($"{{{{ strftime_now('{format}') }}}}", Options with { Now = new DateTimeOffset(2026, 3, 5, 7, 8, 9, TimeSpan.Zero) }));

    [Theory]
    [InlineData("a\n{{ 1 +\n }}", 3, "found '}}', expected an expression")]
    [InlineData("{% if x %}\n{% for y in z %}\n{% endif %}", 3, "found 'endif', expected '{% endfor %}' or '{% else %}' or a statement (if, for, set, with, macro, call, filter, generation, break, continue)")]
    [InlineData("{% if x %}\n", 1, "found the end of the template, expected '{% elif %}' or '{% else %}' or '{% endif %}'")]
    [InlineData("\n\n{{ 'abc", 3, "the string begun here has no closing '")]
    [InlineData("\n{{ (1] }}", 2, "unexpected ']', expected ')'")]
    [InlineData("{% include 'x' %}", 1, "'include' needs other templates, and a chat template stands alone")]
    [InlineData("{{ '\\ud83d' }}", 1, "\\ud83d in this string is half of a surrogate pair; write the character itself or \\U and 8 digits")]
    [InlineData("{{ 99999999999999999999 }}", 1, "this number is not written as Jinja knows it, or is too large")]
    public void SyntaxErrorsTellLineAndExpectation(string source, int line, string reason)
    {
        var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(source, "mine"));
        Assert.Equal((line, reason), (error.Line, error.Reason));
        Assert.Equal($"chat template mine, line {line}: {reason}", error.Message);
    }

    [Fact]
    public void UnknownFiltersAndTestsMatterWhereTheyAreUsed()
    {
        Assert.Equal("fine", Render("{% if false %}{{ 1 | mystery }}{{ 1 is mystery }}{% endif %}fine"));
        Assert.Equal("there is no filter 'mystery'", Assert.Throws<ChatTemplateException>(() => Render("{{ 1 | mystery }}")).Reason);
        Assert.Equal("there is no test 'mystery'", Assert.Throws<ChatTemplateException>(() => Render("{{ 1 is mystery }}")).Reason);
    }

    [Fact]
    public void ErrorsWhileRenderingTellTheLine()
    {
        var error = Assert.Throws<ChatTemplateException>(() => Render("{% macro m(x) %}\n{{ x.y.z }}{% endmacro %}\n\n{{ m({}) }}"));
        Assert.Equal((2, "'dict object' has no attribute 'y'"), (error.Line, error.Reason));
    }

    [Fact]
    public void AGenerationBlockInAMacroHasNoKnownPlace()
    {
        var template = ChatTemplate.Parse("{% macro m() %}{% generation %}x{% endgeneration %}{% endmacro %}{{ m() }}", "mine");
        var rendered = template.Render(Recorded.GetProperty("variables").GetProperty("messages"), Options);
        Assert.Equal("x", rendered.Text);
        Assert.Null(rendered.AssistantSpans);
    }

    internal static string Render(string source, ChatTemplateOptions? options = null) =>
        ChatTemplate.Parse(source, "test").Render(Recorded.GetProperty("variables").GetProperty("messages"), options ?? Options).Text;
}
