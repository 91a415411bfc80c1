namespace QLora.Autograd;

/// <summary>y = factor · x in place: the output takes over the input's buffer, and the gradient likewise on the way back.</summary>
internal sealed class ScaleNode : Node
{
    private Activation _x = null!;
    private float _factor;

    public override string Name => $"the scaling of block {Context.BlockIndex}";

    public ScaleNode Of(Activation x, float factor)
    {
        (_x, _factor) = (x, factor);
        return this;
    }

    public override Activation Forward()
    {
        var value = _x.TakeValue(out var owned);
        Backend.Scale(value, _factor);
        return Context.NewActivation(value, owned, _x.NeedsGradient);
    }

    public override Activation Defer() => Context.NewDeferred(_x.Shape, _x.DType, _x.NeedsGradient);

    public override void Backward()
    {
        var (gradient, owned) = Output.TakeGradient();
        if (owned)
        {
            Backend.Scale(gradient, _factor);
            _x.ContributeGradient(gradient, owned: true);
            return;
        }

        // Somebody else still reads the gradient as it is: the residual stream beside a scaled branch.
        var dx = _x.GradientToWrite(out var accumulate);
        if (!accumulate) Backend.Clear(dx);
        Backend.Add(gradient, dx, _factor);
    }
}
