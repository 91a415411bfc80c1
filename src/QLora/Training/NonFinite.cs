using QLora.Autograd;
using QLora.Models;

namespace QLora.Training;

/// <summary>Finds where a step turns to NaN or infinity.</summary>
internal static class NonFinite
{
    /// <summary>
    /// What is wrong, by the name of the layer or parameter: the first parameter that is not finite, else the first op whose result is not, else the first gradient.
    /// </summary>
    public static string Describe(CausalLanguageModel model, IReadOnlyList<TokenBatch> batches, IEnumerable<Parameter> trained)
    {
        var parameters = trained.ToList();
        if (parameters.FirstOrDefault(parameter => !IsFinite(model, parameter.Value)) is { } broken) return $"{broken.Name} is not finite";
        foreach (var batch in batches)
        {
            if (FirstOp(model, batch) is { } op) return $"the output of {op} is not finite";
        }

        return parameters.FirstOrDefault(parameter => !IsFinite(model, parameter.Gradient!.Value)) is { } steep
            ? $"the gradient of {steep.Name} is not finite"
            : "the gradients together are not finite";
    }

    /// <summary>Refuses to go on with, or to write, parameters that are not finite.</summary>
    /// <exception cref="QLoraException">One is not; the message names it.</exception>
    public static void Refuse(CausalLanguageModel model, IEnumerable<Parameter> trained, int step)
    {
        if (trained.FirstOrDefault(parameter => !IsFinite(model, parameter.Value)) is not { } broken) return;
        throw new QLoraException($"step {step}: {broken.Name} is not finite after the update; use a smaller --learning-rate");
    }

    private static string? FirstOp(CausalLanguageModel model, TokenBatch batch)
    {
        string? first = null;
        using var context = new ForwardContext(model, batch)
        {
            OpDone = (op, y) =>
            {
                if (first is null && !IsFinite(model, y)) first = op;
            },
        };
        context.Logits(model.Forward(context), model.LmHead);
        return first;
    }

    private static bool IsFinite(CausalLanguageModel model, Tensors.Tensor tensor) => double.IsFinite(model.Backend.SumOfSquares(tensor));
}
