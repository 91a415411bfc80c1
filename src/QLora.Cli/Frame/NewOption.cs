using System.CommandLine;
using System.Globalization;

namespace QLora.Cli.Frame;

/// <summary>Makes options whose errors name the option, what was found and what was expected. An option that was not given is null.</summary>
internal static class NewOption
{
    /// <summary>An option that is on when it stands there.</summary>
    public static Option<bool> Flag(string name, string description) => new(name) { Description = description };

    /// <summary>An option of true or false.</summary>
    public static Option<TrueFalse?> Switch(string name, string description) => Choice<TrueFalse?>(name, description, ("true", TrueFalse.True), ("false", TrueFalse.False));

    /// <summary>One of some words.</summary>
    public static Option<T?> Choice<T>(string name, string description, params (string Word, T Value)[] choices)
    {
        var words = choices.Select(choice => choice.Word).ToArray();
        var expected = words.Length == 1 ? words[0] : $"{string.Join(", ", words[..^1])} or {words[^1]}";
        var option = Create<T?>(name, description, string.Join('|', words), expected, text =>
        {
            var index = Array.IndexOf(words, text);
            return index < 0 ? (false, default) : (true, choices[index].Value);
        });
        option.CompletionSources.Add(words);
        return option;
    }

    /// <summary>One of some names, which may stand for more than themselves: <paramref name="isValid"/> tells.</summary>
    public static Option<string?> Name(string name, string description, IReadOnlyList<string> names, Func<string, bool> isValid) => Create<string>(
        name, description, string.Join('|', names), $"{string.Join(", ", names.SkipLast(1))} or {names[^1]}", text => (isValid(text), text));

    /// <summary>A whole number from <paramref name="minimum"/> up.</summary>
    public static Option<int?> Integer(string name, string description, int minimum = 1) => Create<int?>(name, description, "N", $"a whole number from {minimum} up", text =>
        (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= minimum, value));

    /// <summary>A whole number of 64 bits, such as a seed.</summary>
    public static Option<ulong?> Seed(string name, string description) => Create<ulong?>(name, description, "N", "a whole number from 0 up", text =>
        (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value), value));

    /// <summary>A finite number within a range that <paramref name="expected"/> tells.</summary>
    public static Option<double?> Number(string name, string description, string expected, Func<double, bool> isValid) => Create<double?>(name, description, "X", expected, text =>
        (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) && isValid(value), value));

    /// <summary>A text that is not empty.</summary>
    public static Option<string?> Text(string name, string description, string helpName) => Create<string?>(name, description, helpName, "a text that is not empty", text =>
        (text.Length > 0, text));

    /// <summary>A text that is not empty, and may be given several times.</summary>
    public static Option<string[]> Texts(string name, string description, string helpName)
    {
        var option = new Option<string[]>(name) { Description = description, HelpName = helpName, Arity = ArgumentArity.OneOrMore };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => token.Value.Length == 0)) result.AddError($"{name}: expected a text that is not empty");
        });
        return option;
    }

    /// <summary>An option whose text is converted; a <see cref="QLoraException"/> of the conversion is what is wrong with it.</summary>
    public static Option<T?> Parsed<T>(string name, string description, string helpName, Func<string, T> parse) => new(name)
    {
        Description = description,
        HelpName = helpName,
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result =>
        {
            try
            {
                return parse(result.Tokens[0].Value);
            }
            catch (QLoraException wrong)
            {
                result.AddError($"{name}: {wrong.Message}");
                return default;
            }
        },
    };

    /// <summary>The option, which must be given.</summary>
    public static Option<T> Needed<T>(this Option<T> option)
    {
        option.Required = true;
        return option;
    }

    private static Option<T?> Create<T>(string name, string description, string helpName, string expected, Func<string, (bool IsValid, T? Value)> parse) =>
        Parsed(name, description, helpName, text => parse(text) is (true, var value) ? value : throw new QLoraException($"'{text}' given, expected {expected}"));
}
