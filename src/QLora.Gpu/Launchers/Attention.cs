using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ILGPU;
using QLora.Backends;
using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    private readonly List<AttentionSegment> _segments = [];
    private readonly List<Segment> _tileList = [];
    private Tensor? _tiles;

    /// <inheritdoc/>
    protected override void AttentionCore(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor? logSumExp, ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
    {
        var shape = NewAttention(q, k, options);
        var tiles = Tiles(segments);
        var queries = MostQueries(segments);
        var logarithms = logSumExp is { } lse ? View<float>(lse) : default;
        if (q.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T>
        {
            if (queries > AttentionDecodingKernels.MostQueries)
            {
                Launch(AttentionKernels.Attention<T>, Groups(tiles, shape.Heads), View<T>(q), View<T>(k), View<T>(v), View<T>(y), logarithms, tiles, shape);
            }
            else
            {
                var groups = new LaunchShape(new Index3D(tiles.IntLength, shape.Heads, queries), new Index3D(_device.GroupSize, 1, 1));
                var lanesOfRow = Math.Min(_device.GroupSize, (int)BitOperations.RoundUpToPowerOf2((uint)shape.HeadSize));
                Launch(AttentionDecodingKernels.Attention<T>, groups, View<T>(q), View<T>(k), View<T>(v), View<T>(y), logarithms, tiles, shape, lanesOfRow);
            }
        }
    }

    /// <summary>The queries of the sequence that has most of them.</summary>
    private static int MostQueries(ReadOnlySpan<AttentionSegment> segments)
    {
        var most = 0;
        foreach (var segment in segments) most = Math.Max(most, segment.QueryCount);
        return most;
    }

    /// <inheritdoc/>
    protected override void AttentionBackwardCore(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor dq, Tensor dk, Tensor dv,
        ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
    {
        var shape = NewAttention(q, k, options);
        var tiles = Tiles(segments);
        if (q.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T>
        {
            using var dotTensor = Allocate(logSumExp.Shape);
            var (dots, logarithms) = (View<float>(dotTensor), View<float>(logSumExp));
            var (queries, keys, values, gradients) = (View<T>(q), View<T>(k), View<T>(v), View<T>(dy));
            Launch(AttentionBackwardKernels.Dots<T>, Elements(dotTensor.Count), gradients, View<T>(y), dots, shape.HeadSize);
            Launch(AttentionBackwardKernels.KeyOrValueGradient<T, ValueSide>, Groups(tiles, shape.KeyHeads), queries, keys, values, logarithms, gradients, dots, View<T>(dv), tiles, shape);
            Launch(AttentionBackwardKernels.KeyOrValueGradient<T, KeySide>, Groups(tiles, shape.KeyHeads), queries, keys, values, logarithms, gradients, dots, View<T>(dk), tiles, shape);
            Launch(AttentionBackwardKernels.QueryGradient<T>, Groups(tiles, shape.Heads), queries, keys, values, logarithms, gradients, dots, View<T>(dq), tiles, shape);
        }
    }

    private static AttentionShape NewAttention(Tensor q, Tensor k, AttentionOptions options)
    {
        var headSize = q.Shape[2];
        if (headSize > AttentionTiles.LargestHead) throw new QLoraException($"attention heads have {headSize} elements; on a GPU they may have {AttentionTiles.LargestHead}");
        return new AttentionShape
        {
            Heads = q.Shape[1], KeyHeads = k.Shape[1], HeadSize = headSize, Window = options.Window, Scale = options.Scale, SoftCap = options.SoftCap,
        };
    }

    /// <summary>The tiles of queries on the device, which are tiles of keys where there is no cache. All layers of a pass have the same ones, which are uploaded once.</summary>
    private ArrayView<Segment> Tiles(ReadOnlySpan<AttentionSegment> segments)
    {
        if (_tiles is null || !segments.SequenceEqual(CollectionsMarshal.AsSpan(_segments)))
        {
            _tileList.Clear();
            foreach (var s in segments)
            {
                for (var first = 0; first < s.QueryCount; first += Tile.Size)
                {
                    _tileList.Add(new Segment { QueryStart = s.QueryStart, QueryCount = s.QueryCount, KeyStart = s.KeyStart, KeyCount = s.KeyCount, First = first });
                }
            }

            _tiles?.Dispose();
            _tiles = null;
            _tiles = Upload<Segment>(new Shape(_tileList.Count, Unsafe.SizeOf<Segment>() / sizeof(int)), DType.Int32, CollectionsMarshal.AsSpan(_tileList));
            _segments.Clear();
            _segments.AddRange(segments);
        }

        return View<Segment>(_tiles.Value);
    }

    /// <summary>A group for each tile and each head.</summary>
    private static LaunchShape Groups(ArrayView<Segment> tiles, int heads) => new(new Index3D(tiles.IntLength, heads, 1), TileLanes);
}
