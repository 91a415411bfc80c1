using QLora.Autograd;
using QLora.Backends;
using QLora.Checkpoints;
using QLora.Tensors;

namespace QLora.Training;

/// <summary>AdamW over a set of parameters.</summary>
public sealed class AdamWOptimizer : IDisposable
{
    /// <summary>Elements whose moments are on the device at once when they are paged: some megabytes, and enough for a copy to take longer than its beginning.</summary>
    internal const int PieceLength = 1 << 18;

    private readonly Backend _backend;
    private readonly AdamWOptions _options;
    private readonly bool _paged;
    private readonly List<State> _states;
    private readonly int _longestPiece, _longestQuantizedPiece;

    /// <summary>An optimizer with moments of zero.</summary>
    /// <param name="backend">Where the parameters lie.</param>
    /// <param name="parameters">What it trains; each must have a gradient.</param>
    /// <param name="options">Its numbers.</param>
    /// <exception cref="QLoraException">The device, or the host for moments that are paged, has no memory left for the moments.</exception>
    public AdamWOptimizer(Backend backend, IEnumerable<Parameter> parameters, AdamWOptions options)
    {
        _backend = backend;
        _options = options;
        _paged = options.Kind.IsPaged() && backend.CanOffload;
        _states = [.. parameters.Select(parameter => new State(parameter, Zeros(parameter.Value.Shape)))];
        (_longestPiece, _longestQuantizedPiece) = (LongestPiece(quantized: false), LongestPiece(quantized: true));
    }

    /// <summary>The steps taken so far.</summary>
    public int Steps { get; private set; }

    /// <summary>What it trains.</summary>
    public IEnumerable<Parameter> Parameters => _states.Select(state => state.Parameter);

    /// <summary>The moments, named after the parameters.</summary>
    internal IReadOnlyList<(string Name, Tensor Tensor)> Moments
        => [.. _states.SelectMany(state => state.Moments.Tensors.Select(entry => ($"{state.Parameter.Name}.{entry.Name}", entry.Tensor)))];

    /// <summary>What the moments take where the parameters lie.</summary>
    internal long MomentBytes => _paged ? 0 : Moments.Sum(moment => moment.Tensor.Bytes);

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
        using var single = Staging(_longestPiece, quantized: false);
        using var quantized = Staging(_longestQuantizedPiece, quantized: true);
        var step = new AdamWStep(learningRate, _options.Beta1, _options.Beta2, _options.Epsilon, _options.WeightDecay, Steps + 1, (float)gradientScale);
        foreach (var (parameter, moments) in _states)
        {
            if ((moments.IsQuantized ? quantized : single) is { } staging) moments.StepPaged(_backend, parameter.Value, parameter.Gradient!.Value, step, staging);
            else moments.Step(_backend, parameter.Value, parameter.Gradient!.Value, step);
            _backend.Clear(parameter.Gradient.Value);
        }

        _backend.AwaitCopies();
        Steps++;
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

    private AdamWMoments Zeros(Shape shape)
    {
        var moments = AdamWMoments.Allocate(_backend, shape, _options.Kind.Is8Bit() && shape.Count >= _options.Min8BitSize, _paged);
        foreach (var (_, tensor) in moments.Tensors)
        {
            if (!_paged) _backend.Clear(tensor);
            else if (tensor.Buffer is HostBuffer) tensor.HostBytes().Clear();
        }

        return moments;
    }

    private int LongestPiece(bool quantized) =>
        _paged ? (int)_states.Where(state => state.Moments.IsQuantized == quantized).Select(state => Math.Min(PieceLength, state.Moments.First.Count)).DefaultIfEmpty().Max() : 0;

    private AdamWMoments? Staging(int length, bool quantized) => length > 0 ? AdamWMoments.Allocate(_backend, new Shape(length), quantized) : null;

    private readonly record struct State(Parameter Parameter, AdamWMoments Moments);
}
