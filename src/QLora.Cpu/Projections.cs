using QLora.Backends;
using QLora.Cpu.Gemm;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    // Numbers of x · Aᵀ of all layers that lie on the stack until they are read.
    private const int MaxFewBranchNumbers = 4096;

    /// <inheritdoc/>
    protected override void ProjectionsCore(Tensor x, ReadOnlySpan<Projection> layers)
    {
        if (IsFew(x, layers)) ProjectFew(x, layers);
        else base.ProjectionsCore(x, layers);
    }

    /// <summary>Whether all layers go through the kernels of a few rows.</summary>
    private bool IsFew(Tensor x, ReadOnlySpan<Projection> layers)
    {
        if (x.Rows > FewCodeRows.MaxRows || _width == VectorWidth.Vector128) return false;
        foreach (var layer in layers)
        {
            if (layer.Adapter is { } adapter && adapter.A.Rows < IDots.Rows) return false;
            if (!FewCodeRows.Fits(new ProductShape(x.Rows, layer.Y.Columns, x.Columns, TransposeB: true, Alpha: 1, Beta: 0), new QuantizedRows(layer.W))) return false;
        }

        return BranchNumbers(x, layers) <= MaxFewBranchNumbers;
    }

    private static int BranchNumbers(Tensor x, ReadOnlySpan<Projection> layers)
    {
        var ranks = 0;
        foreach (var layer in layers) ranks += layer.Adapter?.A.Rows ?? 0;
        return ranks * x.Rows;
    }

    /// <summary>Two rounds of the team for all layers together: x · Aᵀ of each, and then the rest.</summary>
    private void ProjectFew(Tensor x, ReadOnlySpan<Projection> layers)
    {
        var shape = new ProductShape(x.Rows, 0, x.Columns, TransposeB: true, Alpha: 1, Beta: 0);
        var branches = stackalloc FewBranchRows[layers.Length];
        var u = stackalloc float[BranchNumbers(x, layers)];
        MultiplyWithA(shape, x, layers, branches, u);

        ArrangeFew(shape, x);
        var kernels = stackalloc FewCodeRows[layers.Length];
        var ends = stackalloc int[layers.Length];
        var products = new KernelSequence<FewCodeRows>(kernels, ends);
        for (var i = 0; i < layers.Length; i++)
        {
            var kernel = new FewCodeRows(shape with { N = layers[i].Y.Columns }, new QuantizedRows(layers[i].W), branches[i], new ResultMatrix(layers[i].Y), ScratchOfProducts);
            products.Add(kernel, FewCodeRows.Items(layers[i].Y.Columns));
        }

        Run(products.Items, FewCodeRows.ItemWork(shape), products);
    }

    /// <summary>uᵢ ← scalingᵢ · x · Aᵢᵀ for the layers that have an adapter; the branches of the others stay empty.</summary>
    private void MultiplyWithA(ProductShape shape, Tensor x, ReadOnlySpan<Projection> layers, FewBranchRows* branches, float* u)
    {
        var rows = FewSingles(new LeftMatrix(x, transposed: false), shape);
        var kernels = stackalloc FewRows<Dots<SingleFormat>>[layers.Length];
        var ends = stackalloc int[layers.Length];
        var products = new KernelSequence<FewRows<Dots<SingleFormat>>>(kernels, ends);
        for (var i = 0; i < layers.Length; i++)
        {
            branches[i] = default;
            if (layers[i].Adapter is not { } adapter) continue;
            var rank = adapter.A.Rows;
            var a = (byte*)adapter.A.Pointer<float>();
            products.Add(new(shape with { N = rank, Alpha = adapter.Scaling }, rows, a, x.Columns * sizeof(float), new ResultMatrix(u, rank)), FewRows<Dots<SingleFormat>>.Items(rank));
            branches[i] = new FewBranchRows(u, adapter.B.Pointer<float>(), rank);
            u += shape.M * rank;
        }

        Run(products.Items, FewRows<Dots<SingleFormat>>.ItemWork(shape, x.Columns * sizeof(float)), products);
    }
}
