namespace QLora.Autograd;

/// <summary>residual + branch, in the buffer of the branch, which nobody else reads. Both have the output's gradient.</summary>
internal sealed class AddNode : Node
{
    private Activation _residual = null!, _branch = null!;

    public override string Name => $"the residual sum of block {Context.BlockIndex}";

    private bool NeedsGradient => _residual.NeedsGradient || _branch.NeedsGradient;

    public AddNode Of(Activation residual, Activation branch)
    {
        (_residual, _branch) = (residual, branch);
        return this;
    }

    public override Activation Forward()
    {
        var sum = _branch.TakeValue(out var owned);
        Backend.Add(_residual.Value, sum);
        return Context.NewActivation(sum, owned, NeedsGradient);
    }

    public override Activation Defer() => Context.NewDeferred(_branch.Shape, _branch.DType, NeedsGradient);

    public override void Backward()
    {
        // The branch runs backwards before anything is added to the residual's gradient, so both may look at one buffer.
        var (gradient, owned) = Output.TakeGradient();
        if (!_residual.NeedsGradient)
        {
            _branch.ContributeGradient(gradient, owned);
            return;
        }

        if (_residual.Gradient is not null)
        {
            Backend.Add(gradient, _residual.Gradient.Value);
            if (_branch.NeedsGradient) _branch.ContributeGradient(gradient, owned);
            else if (owned) gradient.Dispose();
            return;
        }

        _residual.ContributeGradient(gradient, owned);
        if (_branch.NeedsGradient) _branch.ContributeGradient(gradient, owned: false);
    }
}
