namespace QLora.Text;

/// <summary>A part of a text, in UTF-16 positions.</summary>
/// <param name="Start">The position of its first character.</param>
/// <param name="End">The position behind its last.</param>
public readonly record struct TextSpan(int Start, int End);
