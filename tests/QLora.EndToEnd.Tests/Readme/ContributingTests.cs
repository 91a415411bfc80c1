using System.Text.RegularExpressions;
using QLora.Testing;

namespace QLora.EndToEnd.Tests.Readme;

/// <summary>What CONTRIBUTING shows of a family is the family: its files to the letter, all of them, and not many lines.</summary>
public sealed partial class ContributingTests
{
    private const string Family = "src/QLora/Models/Olmo2";
    private const int LinesAtMost = 150;

    [Fact]
    public void The_family_shown_is_all_that_there_is_to_it()
    {
        var text = File.ReadAllText(Path.Combine(TestData.Root, "CONTRIBUTING.md"));
        var shown = Diff().Matches(text).ToDictionary(match => match.Groups["file"].Value, match => match.Groups["lines"].Value);
        var files = Directory.GetFiles(Path.Combine(TestData.Root, Family), "*.cs").Select(file => $"{Family}/{Path.GetFileName(file)}").Order(StringComparer.Ordinal);
        Assert.Equal(files.Order(StringComparer.Ordinal), shown.Keys.Order(StringComparer.Ordinal));
        Assert.All(shown, entry =>
        {
            var lines = File.ReadAllText(Path.Combine(TestData.Root, entry.Key)).TrimEnd('\n').Split('\n');
            Assert.Equal(string.Concat(lines.Select(line => $"+{line}\n")), entry.Value);
        });
        Assert.InRange(shown.Values.Sum(lines => lines.Count(c => c == '\n')), 1, LinesAtMost);
    }

    [GeneratedRegex(@"^```diff\n\+\+\+ (?<file>\S+)\n(?<lines>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Diff();
}
