namespace QLora.Cli.Frame;

/// <summary>What the process ends with.</summary>
internal static class ExitCode
{
    public const int Success = 0;
    public const int FailedCheck = 1;
    public const int WrongCommandLine = 2;
    public const int BadInput = 3;
    public const int Interrupted = 130;
}
