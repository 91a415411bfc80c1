using System.Runtime.CompilerServices;

namespace QLora.Text.Jinja;

/// <summary>Turns nesting that would overflow the stack, which no handler can catch, into an error.</summary>
internal static class StackGuard
{
    public static void Check()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw new TemplateError("nested too deeply");
    }
}
