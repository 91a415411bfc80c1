namespace QLora.Benchmarks.Roofline;

/// <summary>What one launch of a kernel has to do.</summary>
/// <param name="Kernel">The op, and the kernel where it has a choice.</param>
/// <param name="Bytes">Bytes that move when each element is read or written once and the device's cache serves all others that want it.</param>
/// <param name="TileBytes">Bytes that the groups ask for, tile by tile: what moves without a cache.</param>
/// <param name="TensorFlops">Operations of tensor cores, of whole tiles.</param>
/// <param name="LaneFlops">Operations of Float32 by lanes, of whole tiles; any other instruction counts as a multiply-add, which is two.</param>
internal readonly record struct Work(string Kernel, double Bytes, double TileBytes, double TensorFlops = 0, double LaneFlops = 0)
{
    /// <summary>The seconds that each resource of a card is busy, and its name.</summary>
    public (double Seconds, string Resource) Slowest(Card card, bool cached)
    {
        (double Seconds, string Resource)[] all =
        [
            ((cached ? Bytes : TileBytes) / card.Bandwidth, "memory"), (TensorFlops / card.Tensor, "tensor cores"), (LaneFlops / card.Lanes, "lanes"),
        ];
        return all.MaxBy(one => one.Seconds);
    }
}
