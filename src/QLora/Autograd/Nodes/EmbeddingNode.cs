using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>y = weight[ids].</summary>
internal sealed class EmbeddingNode(ForwardContext context, Embedding layer, Tensor ids) : Node(context)
{
    public override string Name => layer.Path;

    public override Activation Forward()
    {
        var y = NewOutput(new Shape(ids.Rows, layer.Weight.Value.Columns), layer.Weight.IsTrainable);
        Backend.Embedding(ids, layer.Weight.Value, y.Value);
        return y;
    }

    public override void Backward() => Backend.EmbeddingBackward(ids, OutputGradient, layer.Weight.Gradient!.Value);
}
