using QLora.Autograd;
using QLora.Models;

namespace QLora.Training;

/// <summary>Finds where a pass turns to NaN or infinity.</summary>
internal static class NonFinite
{
    /// <summary>The first block whose input is not finite; null when all are.</summary>
    public static int? FirstBlock(CausalLanguageModel model, TokenBatch batch)
    {
        int? first = null;
        using var context = new ForwardContext(model, batch)
        {
            BlockReached = (index, x) =>
            {
                if (first is null && !double.IsFinite(model.Backend.SumOfSquares(x))) first = index;
            },
        };
        model.Forward(context);
        return first;
    }
}
