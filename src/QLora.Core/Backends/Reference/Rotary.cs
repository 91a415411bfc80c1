using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void RotaryCore(Tensor x, Tensor positions, Tensor cos, Tensor sin, bool inverse)
    {
        var (heads, headSize, half) = (x.Shape[1], x.Shape[2], cos.Columns);
        for (var t = 0; t < x.Rows; t++)
        {
            var position = positions.Span<int>()[t];
            var cosines = cos.Slice(position, 1).Span<float>();
            var sines = sin.Slice(position, 1).Span<float>();
            var row = new ActivationSpan(x.Slice(t, 1));
            for (var h = 0; h < heads; h++)
            {
                var head = row.Slice(h * headSize, headSize);
                for (var i = 0; i < half; i++)
                {
                    double c = cosines[i], s = inverse ? -sines[i] : sines[i];
                    var (first, second) = (head[i], head[i + half]);
                    head[i] = (float)(first * c - second * s);
                    head[i + half] = (float)(second * c + first * s);
                }
            }
        }
    }
}
