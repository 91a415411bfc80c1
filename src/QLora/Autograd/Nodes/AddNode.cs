namespace QLora.Autograd;

/// <summary>residual + branch, in the buffer of the branch, which nobody else reads. Both have the output's gradient.</summary>
internal sealed class AddNode(ForwardContext context, Activation residual, Activation branch) : Node(context)
{
    public override string Name => $"the residual sum of block {Context.BlockIndex}";

    public override Activation Forward()
    {
        var sum = branch.TakeValue(out var owned);
        Backend.Add(residual.Value, sum);
        return new Activation(Backend, sum, owned, residual.NeedsGradient || branch.NeedsGradient);
    }

    public override void Backward()
    {
        // The branch runs backwards before anything is added to the residual's gradient, so both may look at one buffer.
        var (gradient, owned) = Output.TakeGradient();
        if (!residual.NeedsGradient)
        {
            branch.ContributeGradient(gradient, owned);
            return;
        }

        if (residual.Gradient is not null)
        {
            Backend.Add(gradient, residual.Gradient.Value);
            if (branch.NeedsGradient) branch.ContributeGradient(gradient, owned);
            else if (owned) gradient.Dispose();
            return;
        }

        residual.ContributeGradient(gradient, owned);
        if (branch.NeedsGradient) branch.ContributeGradient(gradient, owned: false);
    }
}
