namespace QLora.Checkpoints.Gguf;

/// <summary>
/// The order of the rows of rotary heads. Hugging Face rotates element i of a head with element i + half; llama.cpp's Llama rotates neighbours, and its converter moves
/// the rows of the query and key weights accordingly.
/// </summary>
public static class RotaryLayout
{
    /// <summary>Where in a GGUF file the row lies that Hugging Face has at <paramref name="row"/>.</summary>
    /// <param name="row">A row of the weight, all heads one after another.</param>
    /// <param name="headSize">Rows of one head; even.</param>
    public static int ToGguf(int row, int headSize)
    {
        var (head, i) = Math.DivRem(row, headSize);
        var half = headSize / 2;
        return head * headSize + (i < half ? 2 * i : 2 * (i - half) + 1);
    }

    /// <summary>Where Hugging Face has the row that lies at <paramref name="row"/> in a GGUF file.</summary>
    /// <param name="row">A row of the weight, all heads one after another.</param>
    /// <param name="headSize">Rows of one head; even.</param>
    public static int FromGguf(int row, int headSize)
    {
        var (head, i) = Math.DivRem(row, headSize);
        return head * headSize + i / 2 + (i % 2 == 0 ? 0 : headSize / 2);
    }
}
