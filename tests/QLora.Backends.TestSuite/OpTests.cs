using QLora.Backends;
using QLora.Backends.Reference;
using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>
/// What the tests of every op are made of. An op is written once, as a function from a workspace to result tensors, and is then run on the
/// reference and on every configuration of the backend under test.
/// </summary>
public abstract class OpTests(IReadOnlyList<Device> devices)
{
    /// <summary>Runs an op and returns its results.</summary>
    protected delegate Tensor[] Op(Workspace workspace);

    // A unit in the last place of BFloat16: two sums that are as good as equal may lie on both sides of the middle between two numbers.
    private const double RoundingTolerance = 1 / 128.0;

    private static readonly DType[] ActivationTypes = [DType.Float32, DType.BFloat16];

    /// <summary>
    /// Each device's results are within <paramref name="tolerance"/> of the reference's, relative to the element and the root mean square of its
    /// tensor; a second run gives the same bits; nothing outside of the tensors is written. With BFloat16 activations too, when the op takes some: then results
    /// in BFloat16 may differ by a rounding as well, unless the op is exact; those in Float32 may not.
    /// </summary>
    /// <param name="tolerance">Of this op, with its reason beside it.</param>
    /// <param name="op">The op.</param>
    /// <param name="terms">The size of the terms that cancel in a result, where that is far more than the result itself.</param>
    /// <param name="roundedTerms">The same of terms that a backend may round to BFloat16 when activations are.</param>
    protected void AgreesWithReference(double tolerance, Op op, double terms = 0, double roundedTerms = 0)
    {
        using var reference = new ReferenceBackend();
        foreach (var activations in ActivationTypes)
        {
            var expected = Run(reference, op, activations, out var bytes);
            OnEachDevice(device => device.LargestWorkspace >= bytes, backend =>
            {
                var actual = Run(backend, op, activations);
                for (var i = 0; i < expected.Length; i++)
                {
                    var rounding = expected[i].DType == DType.BFloat16 && tolerance > 0 ? RoundingTolerance : 0;
                    Close.Check($"{activations} result {i}", expected[i].Data, actual[i].Data, tolerance + rounding, rounding > 0 ? Math.Max(terms, roundedTerms) : terms);
                }

                var again = Run(backend, op, activations);
                for (var i = 0; i < expected.Length; i++) Close.CheckSameBits($"{activations} result {i}, second run", actual[i].Data, again[i].Data);
            });
        }
    }

    /// <summary>
    /// The gradients which <paramref name="backward"/> computes on each device (one per input, for the given gradient of the output) agree with
    /// differences of the reference's forward; with BFloat16 activations too, but for roundings, for inputs and a gradient of the output that BFloat16 holds as they are.
    /// </summary>
    /// <param name="tolerance">Relative to the element and the root mean square of its tensor.</param>
    /// <param name="inputs">What the op is differentiated by.</param>
    /// <param name="forward">The op's output from its inputs.</param>
    /// <param name="backward">The gradients of the inputs from the inputs and the gradient of the output.</param>
    /// <param name="activations">How many of the inputs, from the first on, are activations; the others are parameters. All when null.</param>
    /// <param name="roundedTerms">The size of rounded terms that cancel in a gradient, where that is far more than the gradient itself.</param>
    protected void GradientsAgreeWithDifferences(
        double tolerance, Values[] inputs, Func<Workspace, Tensor[], Tensor> forward, Func<Workspace, Tensor[], Tensor, Tensor[]> backward,
        int? activations = null, double roundedTerms = 0)
    {
        using var reference = new ReferenceBackend();
        foreach (var type in ActivationTypes)
        {
            var rounding = type == DType.BFloat16 ? 2 * RoundingTolerance : 0; // of the forward's result, which a backward may read, and its own
            var given = type == DType.BFloat16 ? Array.ConvertAll(inputs, input => input.Rounded()) : inputs;
            var output = Forward(given);
            var outputGradient = Values.Normal(4711, output.Length);
            if (type == DType.BFloat16) outputGradient = outputGradient.Rounded();
            var expected = Differences.Of(given, changed =>
            {
                var result = Forward(changed);
                var loss = 0.0;
                for (var i = 0; i < result.Length; i++) loss += (double)result[i] * outputGradient.Data[i];
                return loss;
            });

            OnEachDevice(backend =>
            {
                var actual = Run(backend, w =>
                {
                    var y = forward(w, Upload(w, given));
                    var dy = outputGradient with { Shape = y.Shape };
                    return backward(w, Upload(w, given), y.DType == DType.BFloat16 ? w.UploadBFloat16(dy) : w.Upload(dy));
                }, type);
                for (var i = 0; i < expected.Length; i++) Close.Check($"{type} gradient {i}", expected[i], actual[i].Data, tolerance + rounding, type == DType.BFloat16 ? roundedTerms : 0);
            });
        }

        float[] Forward(Values[] from) => Run(reference, w => [forward(w, Upload(w, from))])[0].Data;

        Tensor[] Upload(Workspace w, Values[] from) => [.. from.Select((values, i) => i < (activations ?? from.Length) ? w.UploadActivations(values) : w.Upload(values))];
    }

    /// <summary>The op refuses its operands with a message that begins with its name and that of the operand.</summary>
    protected void Refuses(string op, string operand, Action<Workspace> call) => OnEachDevice(backend =>
    {
        using var workspace = new Workspace(backend);
        var error = Assert.Throws<ArgumentException>(() => call(workspace));
        Assert.StartsWith($"{op}: {operand}", error.Message, StringComparison.Ordinal);
    });

    /// <summary>Runs a test on every device; a failure names it.</summary>
    protected void OnEachDevice(Action<Backend> test) => OnEachDevice(_ => true, test);

    /// <summary>The results of one run.</summary>
    protected static Values[] Run(Backend backend, Op op, DType activations = DType.Float32) => Run(backend, op, activations, out _);

    private static Values[] Run(Backend backend, Op op, DType activations, out long bytes)
    {
        using var workspace = new Workspace(backend, activations);
        var results = Array.ConvertAll(op(workspace), workspace.Read);
        workspace.CheckGuards();
        bytes = workspace.Bytes;
        return results;
    }

    private void OnEachDevice(Func<Device, bool> takesPart, Action<Backend> test)
    {
        foreach (var device in devices.Where(takesPart))
        {
            using var backend = device.Open();
            try
            {
                test(backend);
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"on {device.Name}: {failure.Message}", failure);
            }
        }
    }
}
