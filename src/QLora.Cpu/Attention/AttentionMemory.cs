namespace QLora.Cpu.Attention;

/// <summary>The memory of an attention op: what all threads share, and scratch for each.</summary>
internal readonly unsafe struct AttentionMemory(float* workspace, float* scratch, int scratchSize)
{
    public readonly float* Workspace = workspace;

    /// <summary>The scratch of one thread.</summary>
    public float* Scratch(int thread) => scratch + (nint)thread * scratchSize;
}
