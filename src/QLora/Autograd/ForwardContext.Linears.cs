using QLora.Backends;
using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

// Linear layers: each by itself where a backward pass follows, and together where none does.
public sealed partial class ForwardContext
{
    /// <summary>The outputs of two layers that read the same x.</summary>
    /// <param name="x">(tokens, in).</param>
    /// <param name="first">(out, in).</param>
    /// <param name="second">(out, in).</param>
    public (Activation First, Activation Second) Linears(Activation x, Linear first, Linear second)
    {
        if (!CanProject(first) || !CanProject(second)) return (Linear(x, first), Linear(x, second));
        var outputs = Project(x, [first, second]);
        return (outputs[0], outputs[1]);
    }

    /// <summary>The outputs of three layers that read the same x.</summary>
    /// <param name="x">(tokens, in).</param>
    /// <param name="first">(out, in).</param>
    /// <param name="second">(out, in).</param>
    /// <param name="third">(out, in).</param>
    public (Activation First, Activation Second, Activation Third) Linears(Activation x, Linear first, Linear second, Linear third)
    {
        if (!CanProject(first) || !CanProject(second) || !CanProject(third)) return (Linear(x, first), Linear(x, second), Linear(x, third));
        var outputs = Project(x, [first, second, third]);
        return (outputs[0], outputs[1], outputs[2]);
    }

    /// <summary>The output of a layer.</summary>
    internal Activation Linear(Activation x, Linear layer) => CanProject(layer) ? Project(x, [layer])[0] : Apply(Node<LinearNode>().Of(layer, x));

    /// <summary>Whether a layer's output is all that is wanted of it, and its weight is one of <see cref="Backend.Projections"/>.</summary>
    private bool CanProject(Linear layer) => !_options.Record && layer.Weight is QuantizedWeight;

    private Activation[] Project(Activation x, ReadOnlySpan<Linear> layers)
    {
        var outputs = new Activation[layers.Length];
        var projections = new Projection[layers.Length];
        for (var i = 0; i < outputs.Length; i++)
        {
            var layer = layers[i];
            var y = Backend.Allocate(new Shape(x.Shape.Rows, layer.Spec.Out), ComputeDType);
            outputs[i] = NewActivation(y, ownsValue: true, needsGradient: false);
            _unrecorded.Add(outputs[i]);
            projections[i] = new Projection(((QuantizedWeight)layer.Weight).Tensor, y,
                layer.ActiveBranch is { } branch ? new LowRankAdapter(branch.A.Value, branch.B.Value, branch.Scaling) : null);
        }

        Backend.Projections(x.Value, projections);
        for (var i = 0; i < outputs.Length; i++)
        {
            if (layers[i].Bias is { } bias) Backend.AddBias(bias.Value, outputs[i].Value);
            OpDone?.Invoke(layers[i].Path, outputs[i].Value);
        }

        return outputs;
    }
}
