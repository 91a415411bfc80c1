using BenchmarkDotNet.Running;
using QLora.Benchmarks;

// dotnet run --project bench/QLora.Benchmarks -c Release -- --filter '*'
BenchmarkSwitcher.FromAssembly(typeof(MatMul4BitBenchmarks).Assembly).Run(args);
