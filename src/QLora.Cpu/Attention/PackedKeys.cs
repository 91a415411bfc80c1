namespace QLora.Cpu.Attention;

/// <summary>What one segment's keys and values of one key head are packed into for the backward pass.</summary>
/// <param name="keyPanels">The keys as panels, for the scores.</param>
/// <param name="valuePanels">The values as panels, for the gradients of the probabilities.</param>
/// <param name="keyRows">The keys as rows, for the gradients of the queries.</param>
internal readonly unsafe struct PackedKeys(float* keyPanels, float* valuePanels, float* keyRows)
{
    public readonly float* KeyPanels = keyPanels, ValuePanels = valuePanels, KeyRows = keyRows;

    /// <summary>The three parts, one behind the other.</summary>
    public static PackedKeys At(float* start, int keys, int headSize)
    {
        var panels = (nint)KeyPack.PaddedKeys(keys) * headSize;
        return new PackedKeys(start, start + panels, start + 2 * panels);
    }
}
