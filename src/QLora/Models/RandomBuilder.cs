using QLora.Autograd;
using QLora.Backends;
using QLora.Layers;
using QLora.Tensors;

namespace QLora.Models;

/// <summary>Makes a model's layers with random weights in Float32: normal with a deviation of 0.02, ones for norms, zeros for biases, as transformers does.</summary>
/// <param name="backend">Where the weights shall lie.</param>
/// <param name="seed">What they are drawn from.</param>
internal sealed class RandomBuilder(Backend backend, ulong seed) : ModuleBuilder(backend)
{
    private const double Deviation = 0.02;
    private ulong _stream;

    public override Embedding Embedding(EmbeddingSpec spec) => new(spec, Normal(spec.Weights.Single()));

    public override Linear Linear(LinearSpec spec, Embedding? tiedTo)
    {
        var weight = tiedTo is null ? new DenseWeight(Normal(spec.Weights.First())) : new DenseWeight(tiedTo.Weight, owned: false);
        return new Linear(spec, weight, spec.HasBias ? Constant(spec.Weights.Last(), 0) : null);
    }

    public override RmsNorm RmsNorm(RmsNormSpec spec) => new(spec, Constant(spec.Weights.Single(), 1));

    public override LayerNorm LayerNorm(LayerNormSpec spec) => new(spec, Constant(spec.Weights.First(), 1), Constant(spec.Weights.Last(), 0));

    private Parameter Normal(WeightSpec weight)
    {
        var values = new float[weight.Shape.Count];
        for (var i = 0; i < values.Length; i += 2)
        {
            // Box and Muller: two uniform words make two normal numbers.
            var (w0, w1, _, _) = Philox.Block(seed, _stream, (ulong)i);
            var radius = Math.Sqrt(-2 * Math.Log((w0 + 1.0) / 4294967296.0)) * Deviation;
            var (sin, cos) = Math.SinCos(2 * Math.PI * w1 / 4294967296.0);
            values[i] = (float)(radius * cos);
            if (i + 1 < values.Length) values[i + 1] = (float)(radius * sin);
        }

        _stream++;
        return new Parameter(weight.Name, Backend.Upload<float>(weight.Shape, DType.Float32, values));
    }

    private Parameter Constant(WeightSpec weight, float value)
    {
        var values = new float[weight.Shape.Count];
        values.AsSpan().Fill(value);
        return new Parameter(weight.Name, Backend.Upload<float>(weight.Shape, DType.Float32, values));
    }
}
