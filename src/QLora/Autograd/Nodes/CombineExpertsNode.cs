using System.Runtime.InteropServices;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>y[token] = Σ weight · expert's row, over the experts of the token.</summary>
internal sealed class CombineExpertsNode : Node
{
    private readonly List<(Activation Output, List<int> Slots)> _experts = [];
    private readonly List<Tensor> _slots = []; // of every expert (rows) Int32
    private Shape _shape;
    private Activation _weights = null!;

    public override string Name => $"the sum of the experts of block {Context.BlockIndex}";

    public CombineExpertsNode Of(Shape shape, Activation weights)
    {
        (_shape, _weights) = (shape, weights);
        _experts.Clear();
        return this;
    }

    /// <summary>Says what an expert made of the tokens in its slots.</summary>
    public void Add(Activation output, List<int> slots) => _experts.Add((output, slots));

    public override Activation Forward()
    {
        var needsGradient = _weights.NeedsGradient;
        foreach (var (output, _) in _experts) needsGradient |= output.NeedsGradient;
        var y = NewOutput(_shape, needsGradient);
        Backend.Clear(y.Value);
        foreach (var (output, slots) in _experts)
        {
            _slots.Add(Backend.Upload<int>(new Shape(slots.Count), DType.Int32, CollectionsMarshal.AsSpan(slots)));
            Backend.CombineExperts(output.Value, _slots[^1], _weights.Value, y.Value);
        }

        return y;
    }

    public override void Backward()
    {
        var dWeights = Context.NewGradient(_weights); // every slot is some expert's
        for (var i = 0; i < _experts.Count; i++)
        {
            var output = _experts[i].Output;
            var dOutput = Context.NewGradient(output);
            Backend.CombineExpertsBackward(output.Value, _slots[i], _weights.Value, OutputGradient, dOutput, dWeights);
            if (output.NeedsGradient) output.ContributeGradient(dOutput, owned: true);
            else dOutput.Dispose();
        }

        if (_weights.NeedsGradient) _weights.ContributeGradient(dWeights, owned: true);
        else dWeights.Dispose();
    }

    public override void Release()
    {
        foreach (var slots in _slots) slots.Dispose();
        _slots.Clear();
    }
}
