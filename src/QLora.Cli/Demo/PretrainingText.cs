using System.Text.Json.Nodes;

namespace QLora.Cli.Demo;

/// <summary>
/// The text that the bundled model was trained on: instructions in plain English from some worlds of work, each with its own way of saying them in JSON. None
/// of them is a house: what a smart home wants to hear is left for the demo to teach.
/// </summary>
internal static class PretrainingText
{
    private static readonly string[] Openings =
    [
        "", "", "", "Please ", "Could you ", "Can you ", "I would like you to ", "Would you ", "Hey, ", "Quick: ", "When you get a moment, ", "We need you to ", "Kindly ", "Now ",
    ];

    private static readonly string[] Closings = ["", "", "", "", " please", " for me", ", thanks", " if possible", " now", " for us", " as soon as you can"];

    private static readonly string[] Places =
    [
        "north field", "south field", "orchard", "barn", "greenhouse", "main stage", "side stage", "west pier", "east pier", "loading dock", "workshop", "market square",
        "river bank", "gate two", "hall five", "reading room", "cellar", "tower", "harbour", "depot", "stable", "mill", "quarry", "bakery",
    ];

    private static readonly World[] Worlds =
    [
        new("machine", "field", "task", "amount", "start", [
            new("tractor", ["tractor", "red tractor", "digger"], [new("plough", "plough with the {item} in the {place}"), new("park", "park the {place} {item}"), new("haul", "haul {value} crates with the {item} in the {place}")]),
            new("pump", ["pump", "water pump", "sprinkler"], [new("run", "get the {item} in the {place} running"), new("halt", "shut the {place} {item} down"), new("flow", "let the {place} {item} flow at {value} litres")]),
            new("harvester", ["harvester", "combine"], [new("cut", "cut the crop in the {place} with the {item}"), new("rest", "let the {item} in the {place} rest")])]),
        new("instrument", "stage", "cue", "level", "clock", [
            new("drum", ["drum", "drums", "percussion"], [new("enter", "bring the {place} {item} in"), new("mute", "mute the {item} on the {place}"), new("level", "mix the {item} on the {place} at {value}")]),
            new("violin", ["violin", "strings", "fiddle"], [new("enter", "cue the {item} at the {place}"), new("fade", "fade the {place} {item} down to {value} percent"), new("swell", "swell the {item} at the {place} up to {value} percent")]),
            new("spotlight", ["spotlight", "beam", "projector"], [new("aim", "aim the {item} at the {place}"), new("kill", "kill the {place} {item}")])]),
        new("vessel", "pier", "order", "knots", "hour", [
            new("ferry", ["ferry", "passenger ship"], [new("dock", "bring the {item} in at the {place}"), new("depart", "send the {item} off from the {place}"), new("slow", "slow the {item} near the {place} to {value} knots")]),
            new("tug", ["tug", "tugboat"], [new("assist", "have the {place} {item} assist"), new("wait", "let the {item} wait by the {place}")]),
            new("crane", ["crane", "hoist"], [new("lift", "lift {value} tons with the {place} {item}"), new("stow", "stow the {item} at the {place} away")])]),
        new("product", "shop", "change", "count", "by", [
            new("bread", ["bread", "loaves", "rolls"], [new("add", "add {value} {item} at the {place}"), new("remove", "take {value} {item} away from the {place}"), new("sell_out", "sell all {item} at the {place}")]),
            new("milk", ["milk", "bottles of milk"], [new("add", "put {value} more {item} in the {place}"), new("recall", "call the {item} in the {place} back")]),
            new("apple", ["apples", "fruit"], [new("price", "price the {item} in the {place} at {value} cents"), new("hide", "keep the {item} of the {place} under the counter")])]),
        new("robot", "site", "command", "speed", "time", [
            new("rover", ["rover", "buggy"], [new("drive", "drive the {item} around the {place} at speed {value}"), new("return", "call the {item} back from the {place}"), new("scan", "have the {item} look over the {place}")]),
            new("arm", ["arm", "gripper", "manipulator"], [new("grab", "make the {place} {item} grab something"), new("release", "make the {place} {item} let go"), new("turn", "turn the {item} in the {place} by {value} degrees")]),
            new("drone", ["drone", "quadcopter"], [new("rise", "take the {place} {item} up by {value} metres"), new("sink", "bring the {place} {item} down by {value} metres"), new("land", "land the {item} at the {place}")])]),
    ];

    /// <summary>Rows of training data, each an object with <c>messages</c>.</summary>
    /// <param name="count">How many.</param>
    /// <param name="seed">The same seed makes the same rows.</param>
    public static IEnumerable<JsonObject> Rows(int count, int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < count; i++)
        {
            var (question, answer) = random.Next(10) switch
            {
                0 => TimeFact(random),
                1 => NameFact(random),
                2 => NumberFact(random),
                _ => Instruction(random),
            };
            yield return new JsonObject { ["messages"] = new JsonArray(Message("user", question), Message("assistant", answer)) };
        }
    }

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };

    private static (string Question, string Answer) Instruction(Random random)
    {
        var world = Pick(random, Worlds);
        var item = Pick(random, world.Items);
        var order = Pick(random, item.Orders);
        var place = random.Next(3) == 0 ? InventedPlace(random) : Pick(random, Places);
        var answer = new JsonObject { [world.ItemKey] = item.Name, [world.PlaceKey] = place.Replace(' ', '_'), [world.OrderKey] = order.Name };

        var text = order.Phrase.Replace("{item}", Pick(random, item.Words)).Replace("{place}", place);
        if (text.Contains("{value}"))
        {
            var value = Number(random);
            text = text.Replace("{value}", value.ToString());
            answer[world.ValueKey] = value;
        }

        if (random.Next(2) == 0)
        {
            var (words, clock) = Time(random);
            text += $" {words}";
            answer[world.TimeKey] = clock;
        }

        return (Sentence(random, text), answer.ToJsonString());
    }

    /// <summary>Times of day in words, and on a clock.</summary>
    private static (string Question, string Answer) TimeFact(Random random)
    {
        var (words, clock) = Time(random);
        return ($"Which time is {words.Replace("at ", "")}?", clock);
    }

    /// <summary>Names with a blank, and as one word.</summary>
    private static (string Question, string Answer) NameFact(Random random)
    {
        var place = random.Next(2) == 0 ? InventedPlace(random) : Pick(random, Places);
        return ($"Write {place} as one word.", place.Replace(' ', '_'));
    }

    /// <summary>Numbers to be found among words.</summary>
    private static (string Question, string Answer) NumberFact(Random random)
    {
        var (place, number) = (random.Next(2) == 0 ? InventedPlace(random) : Pick(random, Places), Number(random));
        var phrase = Pick(random, ["{0} people came to the {1}", "the {1} is {0} metres long", "at the {1} we counted {0}", "set the {1} to {0}", "{0} percent of the {1} are done", "the {1} by {0}"]);
        return ($"Which number is in \"{string.Format(phrase, number, place)}\"?", number.ToString());
    }

    private static int Number(Random random) => random.Next(3) switch { 0 => random.Next(1, 10), 1 => random.Next(1, 20) * 5, _ => random.Next(10, 100) };

    private static (string Words, string Clock) Time(Random random)
    {
        var hour = random.Next(24);
        var twelve = hour % 12 == 0 ? 12 : hour % 12;
        var half = hour < 12 ? "am" : "pm";
        var partOfDay = hour switch { < 12 => "in the morning", < 18 => "in the afternoon", _ => "in the evening" };
        var minute = Pick(random, [0, 5, 10, 15, 20, 30, 40, 45, 50]);
        return random.Next(7) switch
        {
            0 => ("at noon", "12:00"),
            1 => ("at midnight", "00:00"),
            2 => ($"at {twelve} {half}", $"{hour:D2}:00"),
            3 => ($"at {twelve}:{minute:D2} {half}", $"{hour:D2}:{minute:D2}"),
            4 => ($"at {twelve} {partOfDay}", $"{hour:D2}:00"),
            5 => Spoken(random, hour, partOfDay),
            _ => ($"at {hour}:{minute:D2}", $"{hour:D2}:{minute:D2}"),
        };
    }

    private static (string Words, string Clock) Spoken(Random random, int hour, string partOfDay)
    {
        string[] names = ["twelve", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"];
        return random.Next(3) switch
        {
            0 => ($"at quarter to {names[(hour + 1) % 12]} {partOfDay}", $"{hour:D2}:45"),
            1 => ($"at quarter past {names[hour % 12]} {partOfDay}", $"{hour:D2}:15"),
            _ => ($"at half past {names[hour % 12]} {partOfDay}", $"{hour:D2}:30"),
        };
    }

    /// <summary>A name that nobody has heard before, so that names are learned to be copied letter by letter.</summary>
    private static string InventedPlace(Random random)
    {
        var name = "";
        for (var syllables = random.Next(2, 4); syllables > 0; syllables--)
        {
            name += Pick(random, ["b", "ch", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "th", "v", "w", "br", "cl"]);
            name += Pick(random, ["a", "e", "i", "o", "u", "ee", "oo", "ai", "en", "or", "al"]);
        }

        return random.Next(3) == 0 ? $"{name} {Pick(random, ["room", "house", "yard", "street", "corner", "hill"])}" : name;
    }

    private static string Sentence(Random random, string text)
    {
        var (opening, closing) = (Pick(random, Openings), Pick(random, Closings));
        var sentence = opening + text + closing;
        var end = opening is "Could you " or "Can you " or "Would you " ? "?" : ".";
        return char.ToUpperInvariant(sentence[0]) + sentence[1..] + end;
    }

    private static T Pick<T>(Random random, ReadOnlySpan<T> choices) => choices[random.Next(choices.Length)];

    private static T Pick<T>(Random random, T[] choices) => choices[random.Next(choices.Length)];

    /// <summary>A world of work and the names of its fields.</summary>
    private sealed record World(string ItemKey, string PlaceKey, string OrderKey, string ValueKey, string TimeKey, Item[] Items);

    /// <summary>A thing, the words people have for it, and what can be asked of it.</summary>
    private sealed record Item(string Name, string[] Words, Order[] Orders);

    /// <summary>Something to do, and how it is said.</summary>
    private sealed record Order(string Name, string Phrase);
}
