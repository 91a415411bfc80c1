using System.Diagnostics;
using System.Text.Json;
using QLora.Text;

namespace QLora.Tests.Text.Chat;

/// <summary>A template comes with a model from anywhere: whatever it does, it ends soon, with text or with an error.</summary>
public class HostileTemplateTests
{
    [Theory]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}")]
    [InlineData("{% for a in range(10 ** 15) %}{% endfor %}")]
    [InlineData("{% set ns = namespace(s='x') %}{% for i in range(1000) %}{% set ns.s = ns.s + ns.s %}{% endfor %}")]
    [InlineData("{% set ns = namespace(s='x') %}{% for i in range(1000) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}")]
    [InlineData("{% set ns = namespace(s=[1]) %}{% for i in range(1000) %}{% set ns.s = ns.s + ns.s %}{% endfor %}")]
    [InlineData("{% set ns = namespace(s=[]) %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}")]
    [InlineData("{% set ns = namespace(s=[]) %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | tojson }}")]
    [InlineData("{% set ns = namespace(s=[], t=[]) %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}")]
    [InlineData("{% set ns = namespace(s=[]) %}{% for i in range(1000000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}")]
    [InlineData("{{ 'x' * 10 ** 12 }}"), InlineData("{{ ['x'] * 10 ** 12 }}"), InlineData("{{ 'x' * (2 ** 62) }}"), InlineData("{{ 9 ** 9 ** 9 }}")]
    [InlineData("{{ 'x'.center(10 ** 12) }}"), InlineData("{{ 'x'.zfill(10 ** 12) }}"), InlineData("{{ '%999999999d' % 1 }}")]
    [InlineData("{{ ('x' * 9999999).replace('x', 'y' * 9999999) }}"), InlineData("{{ (['x'] * 999999) | join('y' * 9999999) }}")]
    [InlineData("{{ ('\n' * 9999999) | indent('x' * 99999) }}"), InlineData("{{ [1, 2] | batch(2000000000, 0) | list }}")]
    [InlineData("{% set s = 'x' * 50000000 %}{% for i in range(100000) %}{{ 'y' in s }}{% endfor %}")]
    [InlineData("{% set s = 'x' * 50000000 %}{% for i in range(100000) %}{{ s.find('y') }}{% endfor %}")]
    [InlineData("{% set s = range(1000000) %}{% for i in range(100000) %}{{ 'y' in s }}{% endfor %}"), InlineData("{{ range(1000000) | unique | list }}")]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), InlineData("{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}")]
    [InlineData("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}")]
    [InlineData("{{ 'a'.__class__.__mro__[1].__subclasses__() }}")]
    public void IsStopped(string source)
    {
        var watch = Stopwatch.StartNew();
        Assert.Throws<ChatTemplateException>(() => JinjaTests.Render(source));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"took {watch.Elapsed}");
    }

    [Theory]
    [InlineData("(", ")"), InlineData("[", "]"), InlineData("not ", ""), InlineData("- ", ""), InlineData("1 if ", " else 1"), InlineData("1 + ", ""), InlineData("{'a': ", "}")]
    [InlineData("x(", ")"), InlineData("'a' ~ ", "")]
    public void NestingEndsInAnError(string open, string close)
    {
        var source = "{{ " + string.Concat(Enumerable.Repeat(open, 100_000)) + "1" + string.Concat(Enumerable.Repeat(close, 100_000)) + " }}";
        Assert.Throws<ChatTemplateException>(() => JinjaTests.Render(source));
    }

    [Fact]
    public void NestedBlocksEndInAnError() =>
        Assert.Throws<ChatTemplateException>(() => JinjaTests.Render(string.Concat(Enumerable.Repeat("{% if 1 %}", 100_000)) + string.Concat(Enumerable.Repeat("{% endif %}", 100_000))));

    [Fact]
    public void ANamespaceInItselfIsPrinted() => Assert.Equal("<Namespace>", JinjaTests.Render("{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}"));

    [Fact]
    public void EveryPrefixOfARealTemplateIsReadOrRefused()
    {
        foreach (var name in new[] { "qwen2_5", "mistral_nemo" })
        {
            var source = ChatGoldens.Template(name).GetProperty("template").GetString()!;
            for (var length = 0; length < source.Length; length++) RenderOrRefuse(source[..length]);
        }
    }

    [Fact]
    public void AnyDamageToARealTemplateIsRenderedOrRefused()
    {
        var random = new Random(1);
        var sources = ChatGoldens.Templates.Select(template => template.GetProperty("template").GetString()!).ToList();
        for (var i = 0; i < 3000; i++)
        {
            var source = sources[random.Next(sources.Count)].ToCharArray();
            for (var changes = random.Next(1, 4); changes > 0; changes--) source[random.Next(source.Length)] = source[random.Next(source.Length)];
            RenderOrRefuse(new string(source));
        }
    }

    private static void RenderOrRefuse(string source)
    {
        var conversation = ChatGoldens.Conversation("tool_call");
        try
        {
            ChatTemplate.Parse(source, "damaged").Render(conversation.GetProperty("messages"), new ChatTemplateOptions { Tools = conversation.GetProperty("tools"), BosToken = "<s>" });
        }
        catch (ChatTemplateException)
        {
            // Refused, which is as good.
        }
    }
}
