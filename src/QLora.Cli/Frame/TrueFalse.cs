namespace QLora.Cli.Frame;

/// <summary>A value of true or false. It is no bool because the parser lets those be left out, and then takes a wrong one for something else.</summary>
internal enum TrueFalse
{
    False,
    True,
}
