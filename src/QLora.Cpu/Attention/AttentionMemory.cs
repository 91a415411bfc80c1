namespace QLora.Cpu.Attention;

/// <summary>The memory of an attention op: what all parts of the team share, and scratch for each.</summary>
internal readonly unsafe struct AttentionMemory(float* workspace, float* scratch, int scratchSize)
{
    public readonly float* Workspace = workspace;

    /// <summary>The scratch of one part of the team.</summary>
    public float* Scratch(int part) => scratch + (nint)part * scratchSize;
}
