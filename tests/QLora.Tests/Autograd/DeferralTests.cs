using QLora.Autograd;
using QLora.Layers;
using QLora.Models;
using QLora.Models.Llama;
using QLora.Tensors;
using QLora.Tests.Training;

namespace QLora.Tests.Autograd;

/// <summary>What a block leaves out when it is run again.</summary>
public class DeferralTests
{
    private static readonly int[] Ids = [3, 7, 1, 9];

    [Theory]
    [InlineData(GradientCheckpointing.None, 2)]
    [InlineData(GradientCheckpointing.Recompute, 3)] // the first scaling is read by the second, which nobody reads
    public void An_op_whose_result_nobody_reads_is_not_run_again(GradientCheckpointing checkpointing, int runs)
    {
        using var backend = TestBackends.Create("reference");
        using var model = (LlamaModel)TinyModel.Create(backend);
        model.TrainAllWeights();
        var block = new TwoScalings();
        using (var context = new ForwardContext(model, TokenBatch.Create([(Ids, Ids)]), new ForwardOptions(Record: true, checkpointing)))
        {
            var y = context.Block(block, model.TokenEmbedding.Forward(context));
            context.CrossEntropySum(y, model.LmHead);
            context.Backward();
        }

        Assert.Equal(runs, block.Runs);
        var gradient = Gradient(model);
        Assert.Contains(gradient, value => value != 0);

        using var other = (LlamaModel)TinyModel.Create(backend);
        other.TrainAllWeights();
        using (var context = new ForwardContext(other, TokenBatch.Create([(Ids, Ids)]), new ForwardOptions(Record: true)))
        {
            context.CrossEntropySum(context.Block(new TwoScalings(), other.TokenEmbedding.Forward(context)), other.LmHead);
            context.Backward();
        }

        Assert.Equal(Gradient(other), gradient);
    }

    private static float[] Gradient(LlamaModel model) => model.TokenEmbedding.Weight.Gradient!.Value.Span<float>().ToArray();

    /// <summary>x + 4·x, one op after another, of which the second looks at the first's result when it runs backwards.</summary>
    private sealed class TwoScalings : IDecoderBlock
    {
        public int Runs { get; private set; }

        public int Layer => 0;

        public Activation Forward(Activation x, ForwardContext context)
        {
            var first = context.Apply(context.Node<Doubling>().Of(x, this));
            return context.Add(x, context.Apply(context.Node<Doubling>().Of(first, this)));
        }

        private sealed class Doubling : Node
        {
            private Activation _x = null!;
            private TwoScalings _block = null!;

            public override string Name => "doubling";

            public Doubling Of(Activation x, TwoScalings block)
            {
                (_x, _block) = (x, block);
                return this;
            }

            public override Activation Forward()
            {
                _block.Runs++;
                var y = NewOutput(_x.Shape, _x.NeedsGradient);
                Backend.Copy(_x.Value, y.Value);
                Backend.Scale(y.Value, 2);
                return y;
            }

            public override Activation Defer() => Context.NewDeferred(_x.Shape, DType.Float32, _x.NeedsGradient);

            public override void Backward()
            {
                Assert.Equal(_x.Shape.Count, _x.Value.Count);
                var dx = _x.GradientToWrite(out var accumulate);
                if (!accumulate) Backend.Clear(dx);
                Backend.Add(OutputGradient, dx, 2);
            }
        }
    }
}
