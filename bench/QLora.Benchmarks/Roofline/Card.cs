namespace QLora.Benchmarks.Roofline;

/// <summary>What a vendor says that a card can do.</summary>
/// <param name="Name">Its name.</param>
/// <param name="MemoryGiB">Its memory.</param>
/// <param name="Bandwidth">Bytes a second that its memory moves.</param>
/// <param name="Lanes">Operations of Float32 a second, a multiply-add being two.</param>
/// <param name="Tensor">The same of products of dense bfloat16 on tensor cores with sums in Float32.</param>
internal sealed record Card(string Name, int MemoryGiB, double Bandwidth, double Lanes, double Tensor)
{
    /// <summary>
    /// NVIDIA's Ada and Hopper white papers and product pages. An H100 (SXM) has its rate with instructions of whole warp groups alone (wgmma); with those of a warp, which the kernels
    /// here use, published measurements see some 60 % of it.
    /// </summary>
    public static readonly Card[] All =
    [
        new("RTX 4060", 8, 272e9, 15.1e12, 30.2e12),
        new("RTX 4090", 24, 1008e9, 82.6e12, 165.2e12),
        new("H100 SXM", 80, 3350e9, 66.9e12, 989.4e12),
    ];

    /// <summary>How many operations of single lanes it makes while it moves a byte.</summary>
    public double OperationsPerByte => Lanes / 2 / Bandwidth;
}
