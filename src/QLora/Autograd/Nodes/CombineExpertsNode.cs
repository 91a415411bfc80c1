using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>y[token] = Σ weight · expert's row, over the experts of the token.</summary>
internal sealed class CombineExpertsNode(ForwardContext context, Shape shape, Activation weights, IReadOnlyList<(Activation Output, int[] Slots)> experts) : Node(context)
{
    private readonly List<Tensor> _slots = []; // of every expert (rows) Int32

    public override string Name => $"the sum of the experts of block {Context.BlockIndex}";

    public override Activation Forward()
    {
        var y = NewOutput(shape, weights.NeedsGradient || experts.Any(expert => expert.Output.NeedsGradient));
        Backend.Clear(y.Value);
        foreach (var (output, slots) in experts)
        {
            _slots.Add(Backend.Upload<int>(new Shape(slots.Length), DType.Int32, slots));
            Backend.CombineExperts(output.Value, _slots[^1], weights.Value, y.Value);
        }

        return y;
    }

    public override void Backward()
    {
        var dWeights = Backend.Allocate(weights.Shape); // every slot is some expert's
        for (var i = 0; i < experts.Count; i++)
        {
            var output = experts[i].Output;
            var dOutput = Backend.Allocate(output.Shape, output.DType);
            Backend.CombineExpertsBackward(output.Value, _slots[i], weights.Value, OutputGradient, dOutput, dWeights);
            if (output.NeedsGradient) output.ContributeGradient(dOutput, owned: true);
            else dOutput.Dispose();
        }

        if (weights.NeedsGradient) weights.ContributeGradient(dWeights, owned: true);
        else dWeights.Dispose();
    }

    public override void Release()
    {
        foreach (var slots in _slots) slots.Dispose();
        _slots.Clear();
    }
}
