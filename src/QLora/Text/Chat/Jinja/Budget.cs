namespace QLora.Text.Jinja;

/// <summary>
/// What a rendering may use, so that no template, however hostile, hangs or fills the memory: one unit for each expression and statement, and one for
/// each four characters or elements that are made or gone through.
/// </summary>
internal sealed class Budget
{
    /// <summary>Some seconds of work, and at most 80 million characters.</summary>
    public const long Limit = 20_000_000;

    private long _left = Limit;

    public void Spend(long units = 1)
    {
        _left -= units;
        if (_left < 0) throw new TemplateError($"rendering takes more than {Limit:N0} steps; the template may never end, or multiplies its text");
    }

    /// <summary>Pays for <paramref name="count"/> characters or elements.</summary>
    public void SpendFor(long count) => Spend(count < 0 || count > Limit * 4 ? Limit + 1 : count / 4);

    /// <summary>Pays for going through a value once, not counting what its elements hold.</summary>
    public void SpendOn(object? value) => SpendFor(value switch
    {
        string text => text.Length,
        Sequence sequence => sequence.Items.Count,
        Mapping mapping => mapping.Count,
        _ => 0,
    });
}
