namespace QLora.Tests.Backends;

/// <summary>Gradients without calculus.</summary>
public static class Differences
{
    // Large enough that the rounding of Float32 results (6e-8 over the step) stays near 1e-6; the fourth-order formula keeps the step's own error there too.
    private const float Step = 1 / 32f;

    /// <summary>The gradient of a loss by every element of every input: (8·(f(+h) − f(−h)) − (f(+2h) − f(−2h))) / 12h.</summary>
    public static float[][] Of(Values[] inputs, Func<Values[], double> loss)
    {
        return Array.ConvertAll(inputs, input =>
        {
            var gradient = new float[input.Data.Length];
            for (var i = 0; i < gradient.Length; i++)
            {
                var original = input.Data[i];
                double At(float offset)
                {
                    input.Data[i] = original + offset;
                    return loss(inputs);
                }

                var near = At(Step) - At(-Step);
                var far = At(2 * Step) - At(-2 * Step);
                input.Data[i] = original;
                gradient[i] = (float)((8 * near - far) / (12 * Step));
            }

            return gradient;
        });
    }
}
