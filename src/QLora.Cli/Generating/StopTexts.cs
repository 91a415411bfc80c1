namespace QLora.Cli.Generating;

/// <summary>Ends a text that comes in pieces before the first of some texts, and holds back what may be the beginning of one.</summary>
/// <param name="stops">The texts; none is empty.</param>
internal sealed class StopTexts(IReadOnlyList<string> stops)
{
    private string _held = "";

    /// <summary>Whether one was found: nothing follows.</summary>
    public bool IsFound { get; private set; }

    /// <summary>Adds a piece.</summary>
    /// <returns>What belongs to the text for certain.</returns>
    public string Add(string piece)
    {
        _held += piece;
        var places = stops.Select(stop => _held.IndexOf(stop, StringComparison.Ordinal)).Where(place => place >= 0).ToList();
        IsFound = places.Count > 0;
        return Take(IsFound ? places.Min() : _held.Length - LongestBeginning());
    }

    /// <summary>Ends the text.</summary>
    /// <returns>What was held back.</returns>
    public string Finish() => IsFound ? "" : Take(_held.Length);

    private string Take(int length)
    {
        var text = _held[..length];
        _held = _held[length..];
        return text;
    }

    private int LongestBeginning()
    {
        for (var length = Math.Min(_held.Length, stops.Select(stop => stop.Length - 1).DefaultIfEmpty().Max()); length > 0; length--)
        {
            if (stops.Any(stop => stop.Length > length && stop.StartsWith(_held[^length..], StringComparison.Ordinal))) return length;
        }

        return 0;
    }
}
