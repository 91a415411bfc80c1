namespace QLora.Autograd;

/// <summary>What blocks keep of their forward pass for their backward pass. The numbers are the same whichever it is.</summary>
public enum GradientCheckpointing
{
    /// <summary>All that the backward pass reads: the most memory and the least work.</summary>
    None,

    /// <summary>Their inputs alone; each block is run again in the backward pass, a third more work (Chen et al., arXiv:1604.06174).</summary>
    Recompute,

    /// <summary>As <see cref="Recompute"/>, with the inputs in page-locked memory of the host meanwhile. Only for devices with memory of their own (<see cref="Backends.Backend.CanOffload"/>).</summary>
    Offload,
}

/// <summary>Checks of <see cref="GradientCheckpointing"/>.</summary>
public static class GradientCheckpointingExtensions
{
    /// <summary>The setting as it is, where a device can follow it.</summary>
    /// <param name="checkpointing">The setting.</param>
    /// <param name="ownMemory">Whether the device has memory of its own.</param>
    /// <exception cref="QLoraException">It asks for offloading on a device that has none.</exception>
    public static GradientCheckpointing CheckedFor(this GradientCheckpointing checkpointing, bool ownMemory) => checkpointing != GradientCheckpointing.Offload || ownMemory
        ? checkpointing
        : throw new QLoraException("--gradient-checkpointing offload moves inputs of blocks from a GPU's memory to the process's, where this device has them already; expected true or false, or --device cuda:N or opencl:N");
}
