using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>y = weight[ids].</summary>
internal sealed class EmbeddingNode : Node
{
    private Embedding _layer = null!;
    private Tensor _ids;

    public override string Name => _layer.Path;

    public EmbeddingNode Of(Embedding layer, Tensor ids)
    {
        (_layer, _ids) = (layer, ids);
        return this;
    }

    public override Activation Forward()
    {
        var y = NewOutput(new Shape(_ids.Rows, _layer.Weight.Value.Columns), _layer.Weight.IsTrainable);
        Backend.Embedding(_ids, _layer.Weight.Value, y.Value);
        return y;
    }

    public override void Backward() => Backend.EmbeddingBackward(_ids, OutputGradient, _layer.Weight.Gradient!.Value);
}
