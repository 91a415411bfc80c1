using QLora.Cpu.Gemm.BFloat16;

namespace QLora.Cpu.Gemm;

/// <summary>The scratch memory of products: packed rows of the left matrix for all threads, and what each thread has for itself.</summary>
internal readonly unsafe struct ProductMemory(float* memory, int threads)
{
    /// <summary>Rows of the left matrix that a thread works on at a time.</summary>
    public const int MaxRows = 768;

    /// <summary>What rows of a block are a multiple of: every tile's rows.</summary>
    public const int RowUnit = 48;

    /// <summary>What stretches of the inner index are a multiple of, so that runs of 4-bit codes are whole.</summary>
    public const int InnerUnit = 32;

    // Somewhat more than half of the 1 MB that a core of today has to itself: panels and results must lie there too.
    private const int MaxLeft = MaxRows * 216;
    private const int ShortestInner = 192, LongestInner = 640;
    private const int SinglesSize = MaxLeft + LongestInner * RowUnit;

    // Packed pairs may fill that cache: panels of them are half as large. There is room for more, so that what is cut evenly, and then rounded up to whole units, is not cut again.
    private const int MaxPairs = 1 << 18, FewestPairRows = 256, MaxPairGroup = 24;
    private const int PairsSize = MaxPairs + MaxPairs / FewestPairRows * RowUnit;
    private const int LeftSize = SinglesSize > PairsSize ? SinglesSize : PairsSize;

    /// <summary>The longest stretch of the inner index of which a panel of pairs is made.</summary>
    public const int PanelInner = 2 * LongestInner;

    /// <summary>The longest inner extent for which <see cref="FewCodeRows"/> finds room for arranged rows, and each thread for scales and codes.</summary>
    public const int MaxFewInner = LeftSize / FewCodeRows.MaxRows / 128 * 128;

    /// <summary>The most numbers of a few rows for which <see cref="Left"/> has room.</summary>
    public const int MaxFewNumbers = LeftSize;

    /// <summary>Rows, packed in pairs of so many numbers each, that a thread works on at a time.</summary>
    public static int MaxPairRows(int inner) => Math.Clamp(2 * MaxPairs / Math.Max(inner, 1), FewestPairRows, MaxRows);

    /// <summary>The longest stretch of the inner index with so many rows that are packed in pairs.</summary>
    public static int MaxPairInner(int rows) => 2 * PairsSize / (Math.Max(rows, FewestPairRows) + MaxPairGroup) / InnerUnit * InnerUnit;

    /// <summary>The longest stretch of the inner index with so many rows.</summary>
    public static int MaxInner(int rows) => Math.Clamp(MaxLeft / Math.Max(rows, 1) / InnerUnit * InnerUnit, ShortestInner, LongestInner);

    /// <summary>Numbers of memory that so many threads need.</summary>
    public static long Size(int threads) => (long)threads * (LeftSize + ThreadMemory.Size);

    /// <summary>Packed rows of the left matrix.</summary>
    public float* Left => memory;

    /// <summary>What a thread has for itself.</summary>
    public ThreadMemory OfThread(int part) => new(memory + (nint)threads * LeftSize + (nint)part * ThreadMemory.Size);

    /// <summary>The scratch memory of one thread.</summary>
    internal readonly struct ThreadMemory(float* memory)
    {
        private const int MaxWidth = 48, MaxTileRows = 16, TileSize = 384;
        private const int PanelSize = (LongestInner + Gemm.Panel.ExtraRows) * MaxWidth;
        private const int RestSize = LongestInner * MaxTileRows, SinglesSize = (PairPanel.Run + Gemm.Panel.ExtraRows) * MaxWidth, SumsSize = MaxRows * MaxWidth;

        /// <summary>Numbers that one thread needs.</summary>
        public const int Size = PanelSize + RestSize + Gemm.Panel.ScratchSize + TileSize + SinglesSize + SumsSize;

        /// <summary>A panel of the right matrix.</summary>
        public float* Panel => memory;

        /// <summary>The same in pairs of BFloat16.</summary>
        public uint* Pairs => (uint*)Panel;

        /// <summary>The last rows of the left matrix, inner index after inner index.</summary>
        public float* Rest => memory + PanelSize;

        /// <summary>Some stored rows that become columns.</summary>
        public float* Rows => Rest + RestSize;

        /// <summary>A tile of results that reaches beyond the matrix.</summary>
        public float* Tile => Rows + Gemm.Panel.ScratchSize;

        /// <summary>Some rows of a panel before they become pairs.</summary>
        public float* Singles => Tile + TileSize;

        /// <summary>The sums of all tiles of a panel.</summary>
        public float* Sums => Singles + SinglesSize;
    }
}
