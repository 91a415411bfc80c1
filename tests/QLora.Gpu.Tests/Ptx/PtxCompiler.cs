using System.Reflection;
using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace QLora.Tests.Backends.Gpu.Ptx;

/// <summary>Compiles kernels to PTX for one architecture, with the options that devices are opened with. No GPU is needed.</summary>
internal sealed class PtxCompiler : IDisposable
{
    private readonly Context _context = Context.Create(builder => builder.EnableAlgorithms().Optimize(OptimizationLevel.O2).Inlining(InliningMode.Aggressive));
    private readonly PTXBackend _backend;

    public PtxCompiler(int major, int minor) => _backend = new PTXBackend(_context, new CudaArchitecture(major, minor), CudaInstructionSet.ISA_71, null!);

    public string Compile(MethodInfo kernel) =>
        ((PTXCompiledKernel)_backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(kernel), KernelSpecialization.Empty)).PTXAssembly;

    public void Dispose()
    {
        _backend.Dispose();
        _context.Dispose();
    }
}
