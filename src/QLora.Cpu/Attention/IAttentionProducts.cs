using QLora.Cpu.Vectors;

namespace QLora.Cpu.Attention;

/// <summary>
/// The products that attention is made of, of blocks that lie in the cache, and the forms that their operands take for it. A tile is <see cref="Tile.Rows"/> rows by two
/// vectors. All buffers are counted in numbers of single precision, whatever a form keeps there.
/// </summary>
internal unsafe interface IAttentionProducts
{
    /// <summary>Numbers of scratch that weights of so many queries and <see cref="KeyPack.Block"/> keys take in another form.</summary>
    static abstract int WeightsSize(int queries);

    /// <summary>Packs keys from <paramref name="start"/> on as panels, for <see cref="MultiplyByPanel"/>, and zeros up to a whole <see cref="KeyPack.Block"/>.</summary>
    /// <param name="source">The head's first key.</param>
    /// <param name="stride">Numbers from one key to the next.</param>
    /// <param name="start">A multiple of <see cref="KeyPack.Block"/>.</param>
    /// <param name="keys">How many there are.</param>
    /// <param name="headSize">Numbers of a key.</param>
    /// <param name="panels">(padded keys, headSize) numbers.</param>
    void PackPanels<V, TFormat>(byte* source, nint stride, int start, int keys, int headSize, float* panels) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat;

    /// <summary>Packs keys from <paramref name="start"/> on as right operands of <see cref="Multiply"/>, of (padded keys, padded size) numbers; otherwise like <see cref="PackPanels"/>.</summary>
    void PackRows<V, TFormat>(byte* source, nint stride, int start, int keys, int headSize, float* rows) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat;

    /// <summary>Copies queries, or what is laid out like them, filled up with zeros to whole groups and to the padded size.</summary>
    /// <param name="queries">Which.</param>
    /// <param name="source">The head's first query of them.</param>
    /// <param name="stride">Numbers from one query to the next.</param>
    /// <param name="headSize">Numbers of a query.</param>
    /// <param name="rows">(whole groups, padded size) numbers.</param>
    void Load<V, TFormat>(in QuerySpan queries, byte* source, nint stride, int headSize, float* rows) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat;

    /// <summary>Queries that were loaded, as right operands of <see cref="MultiplyTransposed"/>.</summary>
    float* AsRight(in QuerySpan queries, float* rows);

    /// <summary>products[r, s] ← Σ_k rows[r, k] · key[s, k], for a group of queries and a tile's width of keys.</summary>
    /// <param name="rows">Queries that were loaded.</param>
    /// <param name="group">Which of them.</param>
    /// <param name="panels">All keys as panels.</param>
    /// <param name="key">The first key.</param>
    /// <param name="headSize">Numbers of a key.</param>
    /// <param name="products">Of the first query with key <paramref name="key"/>; rows of <see cref="KeyPack.Block"/>.</param>
    void MultiplyByPanel<V>(float* rows, int group, float* panels, int key, int headSize, float* products) where V : unmanaged, IVector<V>;

    /// <summary>Weights of queries and keys as left operands of <see cref="Multiply"/>.</summary>
    /// <param name="queries">The queries.</param>
    /// <param name="start">The first key of the block.</param>
    /// <param name="weights">(queries, KeyPack.Block); zeros beside what a query sees, in the vectors where its group begins and stops to see keys.</param>
    /// <param name="scratch"><see cref="WeightsSize"/> numbers.</param>
    float* AsLeft(in QuerySpan queries, int start, float* weights, float* scratch);

    /// <summary>Weights of queries and keys as left operands of <see cref="MultiplyTransposed"/>; those that queries do not see are zeros.</summary>
    float* AsTransposedLeft(in QuerySpan queries, float* weights, float* scratch);

    /// <summary>sums[r, s] ← [sums[r, s] +] Σ_k left[r, k] · right[start + k, column + s] over keys begin to end of a block, for a group of queries.</summary>
    void Multiply<V>(float* left, int group, int begin, int end, float* right, int start, int column, float* sums, bool accumulate) where V : unmanaged, IVector<V>;

    /// <summary>sums[r, s] ← sums[r, s] + Σ_i left[i, key + r] · right[i, column + s] over queries from to to.</summary>
    /// <param name="left">Weights of the block.</param>
    /// <param name="key">The first of a group of keys.</param>
    /// <param name="from">The first query.</param>
    /// <param name="to">The query after the last.</param>
    /// <param name="right">Queries.</param>
    /// <param name="column">The first column of a tile's width.</param>
    /// <param name="sums">(keys, padded size), from the group's first key on.</param>
    void MultiplyTransposed<V>(float* left, int key, int from, int to, float* right, int column, float* sums) where V : unmanaged, IVector<V>;
}
