using QLora.Autograd;
using QLora.Backends;
using QLora.Checkpoints;
using QLora.Tensors;

namespace QLora.Training;

/// <summary>AdamW over a set of parameters.</summary>
public sealed class AdamWOptimizer : IDisposable
{
    private readonly Backend _backend;
    private readonly AdamWOptions _options;
    private readonly List<State> _states;

    /// <summary>An optimizer with moments of zero.</summary>
    /// <param name="backend">Where the parameters lie.</param>
    /// <param name="parameters">What it trains; each must have a gradient.</param>
    /// <param name="options">Its numbers.</param>
    public AdamWOptimizer(Backend backend, IEnumerable<Parameter> parameters, AdamWOptions options)
    {
        _backend = backend;
        _options = options;
        _states = [.. parameters.Select(parameter => new State(parameter, Training.Moments.Zeros(backend, parameter.Value.Shape, IsQuantized(parameter))))];
    }

    /// <summary>The steps taken so far.</summary>
    public int Steps { get; private set; }

    /// <summary>What it trains.</summary>
    public IEnumerable<Parameter> Parameters => _states.Select(state => state.Parameter);

    /// <summary>The moments, named after the parameters.</summary>
    internal IReadOnlyList<(string Name, Tensor Tensor)> Moments
        => [.. _states.SelectMany(state => state.Moments.Tensors.Select(entry => ($"{state.Parameter.Name}.{entry.Name}", entry.Tensor)))];

    /// <summary>The Euclidean norm of all gradients together.</summary>
    public double GradientNorm()
    {
        using var sums = _backend.NewSums();
        SumGradientSquares(sums);
        return Math.Sqrt(_backend.Total(sums));
    }

    /// <summary>Adds the squares of all gradients to an accumulator; their norm is the root.</summary>
    internal void SumGradientSquares(Tensor sums)
    {
        foreach (var (parameter, _) in _states) _backend.SumOfSquares(parameter.Gradient!.Value, sums);
    }

    /// <summary>One step down the gradients, which are then zero again.</summary>
    /// <param name="learningRate">Of this step.</param>
    /// <param name="gradientScale">Factor of the gradients: how clipping is applied.</param>
    public void Step(double learningRate, double gradientScale)
    {
        Steps++;
        var step = new AdamWStep(learningRate, _options.Beta1, _options.Beta2, _options.Epsilon, _options.WeightDecay, Steps, (float)gradientScale);
        foreach (var (parameter, moments) in _states)
        {
            moments.Step(_backend, parameter.Value, parameter.Gradient!.Value, step);
            _backend.Clear(parameter.Gradient.Value);
        }
    }

    /// <summary>Forgets the gradients of a step that is not taken.</summary>
    public void ClearGradients()
    {
        foreach (var (parameter, _) in _states) _backend.Clear(parameter.Gradient!.Value);
    }

    /// <summary>Goes on after <paramref name="steps"/> steps with the moments of a file that was checked before.</summary>
    internal void Restore(int steps, SafetensorsFile moments)
    {
        ParameterFile.Read(_backend, moments, Moments);
        Steps = steps;
    }

    /// <summary>Gives the moments back.</summary>
    public void Dispose()
    {
        foreach (var (_, moments) in _states) moments.Dispose();
        _states.Clear();
    }

    private bool IsQuantized(Parameter parameter) => _options.Kind.Is8Bit() && parameter.Value.Count >= _options.Min8BitSize;

    private readonly record struct State(Parameter Parameter, Moments Moments);
}
