namespace QLora.Autograd;

/// <summary>y = factor · x in place: the output takes over the input's buffer, and the gradient likewise on the way back.</summary>
internal sealed class ScaleNode(ForwardContext context, Activation x, float factor) : Node(context)
{
    public override string Name => $"the scaling of block {Context.BlockIndex}";

    public override Activation Forward()
    {
        var value = x.TakeValue(out var owned);
        Backend.Scale(value, factor);
        return new Activation(Backend, value, owned, x.NeedsGradient);
    }

    public override void Backward()
    {
        var (gradient, owned) = Output.TakeGradient();
        if (owned)
        {
            Backend.Scale(gradient, factor);
            x.ContributeGradient(gradient, owned: true);
            return;
        }

        // Somebody else still reads the gradient as it is: the residual stream beside a scaled branch.
        var dx = x.GradientToWrite(out var accumulate);
        if (!accumulate) Backend.Clear(dx);
        Backend.Add(gradient, dx, factor);
    }
}
