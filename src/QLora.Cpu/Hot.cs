using System.Runtime.CompilerServices;

namespace QLora.Cpu;

/// <summary>How methods are compiled in which the time goes.</summary>
internal static class Hot
{
    /// <summary>
    /// Optimised from the first call on, and a method by itself: into a caller that already inlines a lot, the compiler inlines only some of a loop's vector operations and calls
    /// the others, which takes twenty times as long.
    /// </summary>
    public const MethodImplOptions Loop = MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining;
}
