using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using QLora.Gpu.Kernels;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Gpu;

/// <summary>A kernel that makes products.</summary>
internal enum ProductKernel
{
    /// <summary>A group for each element of the result.</summary>
    Vector,
    /// <summary>A group for each tile of the result, whose operands have rows that begin and end anywhere.</summary>
    LooseTile,
    /// <summary>The same of operands whose rows are of whole runs.</summary>
    Tile,
    /// <summary>A group for each larger tile, on tensor cores.</summary>
    TensorTile,
}

/// <summary>
/// The one place that chooses how a product is made: by which kernel, and whether that kernel decodes a 4-bit weight on its way or finds it decoded in memory, by a kernel before it.
/// Both ways make the same multiply-adds of the same tiles, and differ in what each element of the weight costs beside. Decoded on the way: some operations, as often as there are tiles
/// above each other, m / 32 or m / 128. Decoded before: these operations once, and bytes, written and read, that do not move otherwise. (All tiles read the weight either way, those after
/// the first from the device's cache.) So the second way is taken where (tiles − 1) · operations is more than bytes · the operations that the device makes while it moves one.
/// For bfloat16 on tensor cores that is from 769 rows on with an H100, 2049 with an RTX 4060 and 3073 with an RTX 4090. It counts decoding as time in which nothing is multiplied, as if
/// a multiprocessor had one group alone, and a cache as free: neither was measured on a GPU. On PoCL both ways are equal at 512 rows, and 2 % apart at 1024.
/// </summary>
/// <param name="TensorCores">Whether the device has the instructions of <see cref="TensorCore"/>.</param>
/// <param name="OperationsPerByte">How many operations of single lanes the device makes while it moves a byte.</param>
/// <param name="LargestScratch">The most bytes that a decoded weight may take.</param>
internal sealed record ProductChoice(bool TensorCores, double OperationsPerByte, long LargestScratch)
{
    // Instructions of the kernels' PTX for each weight with scales in 8 bits, less those for a dense one: of a lane that decodes sixteen side by side at once, and one by one.
    public const double OperationsOfRun = 7, OperationsOfOne = 30;

    private const int Alignment = 16;

    // The lanes of a multiprocessor, of all NVIDIA GPUs since compute capability 8.6; 8.0 has half of them.
    private const double Lanes = 128;

    // Of devices that do not say it. GPUs have 10 (H100) to 40 (RTX 4090); that of a processor is what PoCL's products are like.
    private const double LeastOperationsPerByte = 10, TypicalOperationsPerByte = 30, OperationsPerByteOfProcessor = 16;

    // More than the largest weight of a Llama-3.1-8B on 8 GB; on a small budget, what it holds is worth more than the time.
    private const int ScratchesOfBudget = 32;

    /// <summary>That of a device, of whose memory so much may be used.</summary>
    public static ProductChoice Of(Accelerator device, long memoryBudget) => new(
        device is CudaAccelerator { Architecture: var architecture } && architecture >= CudaArchitecture.SM_80, OperationsPerByteOf(device), memoryBudget / ScratchesOfBudget);

    /// <summary>That of a GPU that need not be there, for those who plan its memory: it decodes before wherever one does.</summary>
    public static ProductChoice Planned(bool tensorCores, long memoryBudget) => new(tensorCores, LeastOperationsPerByte, memoryBudget / ScratchesOfBudget);

    /// <summary>The kernel for a product.</summary>
    /// <param name="shape">The operands.</param>
    /// <param name="activations">The type of the left one.</param>
    /// <param name="beginAligned">Whether operands and result begin where 16 bytes can be loaded at once.</param>
    /// <param name="blockSize">Elements of the right one that share a scale.</param>
    /// <param name="alpha">Factor of the product.</param>
    public ProductKernel KernelOf(in ProductShape shape, DType activations, bool beginAligned, int blockSize = TensorTile.Run, float alpha = 1)
    {
        var along = shape.RightRow == 1;

        // A single row reads the weight once and multiplies little.
        if (shape.M == 1 && along) return ProductKernel.Vector;
        var leftRow = shape.LeftColumn == 1 ? shape.K : shape.M;
        var rightRow = along ? shape.K : shape.N;
        if (!beginAligned || leftRow % TensorTile.Run != 0 || rightRow % TensorTile.Run != 0 || blockSize % TensorTile.Run != 0) return ProductKernel.LooseTile;

        // Few rows leave most of a large tile empty, and there are fewer of them to share among multiprocessors.
        var large = TensorCores && activations == DType.BFloat16 && alpha == 1 && shape.M > Tile.Size && shape.LeftColumn == 1 && shape.N % 4 == 0;
        return large ? ProductKernel.TensorTile : ProductKernel.Tile;
    }

    /// <summary>Whether a 4-bit weight is decoded before its product with x, in whose type; there must be memory for it, and whole runs.</summary>
    public bool DecodesBefore(in ProductShape shape, Tensor x, QuantizedTensor w)
    {
        var kernel = KernelOf(shape, x.DType, IsAligned(x) && IsAligned(w.Codes), w.BlockSize);
        var bytes = x.DType.Bytes(w.Shape.Count);
        var possible = IsAligned(w.Codes) && w.Shape.Count % TensorTile.Run == 0 && w.BlockSize % TensorTile.Run == 0 && bytes <= LargestScratch;
        if (kernel == ProductKernel.Vector || !possible) return false;
        var size = kernel == ProductKernel.TensorTile ? TensorTile.Size : Tile.Size;
        var operations = kernel == ProductKernel.LooseTile ? OperationsOfOne : OperationsOfRun;
        var tiles = (shape.M + size - 1) / size;
        return (tiles - 1) * operations > 2 * x.DType.Bytes(1) * OperationsPerByte;
    }

    /// <summary>Whether a tensor begins where 16 bytes can be loaded at once.</summary>
    public static bool IsAligned(Tensor tensor) => tensor.Offset % Alignment == 0;

    private static double OperationsPerByteOf(Accelerator device) => device switch
    {
        // Both clocks are in the same unit; memory moves two bits a line and clock.
        CudaAccelerator { MemoryClockRate: > 0 } cuda => cuda.NumMultiprocessors * Lanes * cuda.ClockRate / (2.0 * cuda.MemoryClockRate * cuda.MemoryBusWidth / 8),
        CPUAccelerator => OperationsPerByteOfProcessor,
        CLAccelerator { DeviceType: CLDeviceType.CL_DEVICE_TYPE_CPU } => OperationsPerByteOfProcessor,
        _ => TypicalOperationsPerByte,
    };
}
