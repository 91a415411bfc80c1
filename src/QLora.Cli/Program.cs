using QLora.Cli;
using QLora.Cli.Frame;

using var terminal = Terminal.OfProcess();
using var interruption = new Interruption();
return Tool.Create().Run(args, terminal, interruption.Token);
