using BenchmarkDotNet.Running;
using QLora.Benchmarks;
using QLora.Benchmarks.Roofline;

// dotnet run --project bench/QLora.Benchmarks -c Release -- --filter '*'
// dotnet run --project bench/QLora.Benchmarks -c Release -- opencl:0
// dotnet run --project bench/QLora.Benchmarks -c Release -- roofline tests/goldens/configs/llama-8B 2
if (args is [var device] && device.StartsWith("opencl:", StringComparison.Ordinal)) return OpenClGuard.Run(device);
if (args is ["roofline", var model, var batch]) return RooflinePaper.Run(model, int.Parse(batch, System.Globalization.CultureInfo.InvariantCulture));
BenchmarkSwitcher.FromAssembly(typeof(MatMul4BitBenchmarks).Assembly).Run(args);
return 0;
