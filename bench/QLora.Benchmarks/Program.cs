using BenchmarkDotNet.Running;
using QLora.Benchmarks;

// dotnet run --project bench/QLora.Benchmarks -c Release -- --filter '*'
// dotnet run --project bench/QLora.Benchmarks -c Release -- opencl:0
if (args is [var device] && device.StartsWith("opencl:", StringComparison.Ordinal)) return OpenClGuard.Run(device);
BenchmarkSwitcher.FromAssembly(typeof(MatMul4BitBenchmarks).Assembly).Run(args);
return 0;
