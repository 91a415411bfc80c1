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

    /// <summary>
    /// Each device's results are within <paramref name="tolerance"/> of the reference's, relative to the element and the root mean square of its
    /// tensor; a second run gives the same bits; nothing outside of the tensors is written.
    /// </summary>
    /// <param name="tolerance">Of this op, with its reason beside it.</param>
    /// <param name="op">The op.</param>
    /// <param name="terms">The size of the terms that cancel in a result, where that is far more than the result itself.</param>
    protected void AgreesWithReference(double tolerance, Op op, double terms = 0)
    {
        using var reference = new ReferenceBackend();
        var expected = Run(reference, op);
        OnEachDevice(backend =>
        {
            var actual = Run(backend, op);
            for (var i = 0; i < expected.Length; i++) Close.Check($"result {i}", expected[i].Data, actual[i].Data, tolerance, terms);
            var again = Run(backend, op);
            for (var i = 0; i < expected.Length; i++) Close.CheckSameBits($"result {i}, second run", actual[i].Data, again[i].Data);
        });
    }

    /// <summary>
    /// The gradients which <paramref name="backward"/> computes on each device (one per input, for the given gradient of the output) agree with
    /// differences of the reference's forward.
    /// </summary>
    /// <param name="tolerance">Relative to the element and the root mean square of its tensor.</param>
    /// <param name="inputs">What the op is differentiated by.</param>
    /// <param name="forward">The op's output from its inputs.</param>
    /// <param name="backward">The gradients of the inputs from the inputs and the gradient of the output.</param>
    protected void GradientsAgreeWithDifferences(
        double tolerance, Values[] inputs, Func<Workspace, Tensor[], Tensor> forward, Func<Workspace, Tensor[], Tensor, Tensor[]> backward)
    {
        using var reference = new ReferenceBackend();
        var output = Forward(inputs);
        var outputGradient = Values.Normal(4711, output.Length);
        var expected = Differences.Of(inputs, changed =>
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
                var tensors = Array.ConvertAll(inputs, w.Upload);
                var shape = forward(w, tensors).Shape;
                tensors = Array.ConvertAll(inputs, w.Upload);
                return backward(w, tensors, w.Upload(outputGradient with { Shape = shape }));
            });
            for (var i = 0; i < expected.Length; i++) Close.Check($"gradient {i}", expected[i], actual[i].Data, tolerance);
        });

        float[] Forward(Values[] from) => Run(reference, w => [forward(w, Array.ConvertAll(from, w.Upload))])[0].Data;
    }

    /// <summary>The op refuses its operands with a message that begins with its name and that of the operand.</summary>
    protected void Refuses(string op, string operand, Action<Workspace> call) => OnEachDevice(backend =>
    {
        using var workspace = new Workspace(backend);
        var error = Assert.Throws<ArgumentException>(() => call(workspace));
        Assert.StartsWith($"{op}: {operand}", error.Message, StringComparison.Ordinal);
    });

    /// <summary>Runs a test on every device; a failure names it.</summary>
    protected void OnEachDevice(Action<Backend> test)
    {
        foreach (var device in devices)
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

    /// <summary>The results of one run.</summary>
    protected static Values[] Run(Backend backend, Op op)
    {
        using var workspace = new Workspace(backend);
        var results = Array.ConvertAll(op(workspace), workspace.Read);
        workspace.CheckGuards();
        return results;
    }
}
