namespace QLora.Gpu.Kernels;

/// <summary>
/// How a group of eight warps shares one tile of a product on tensor cores, and where what they multiply stands in the group's memory, in bytes. Of both operands there
/// are <see cref="Inner"/> steps of the inner index at a time, in bfloat16, in two stages: one is multiplied while the next is filled.
/// </summary>
internal static class TensorTile
{
    /// <summary>Rows and columns of the result that a group makes.</summary>
    public const int Size = 128;

    /// <summary>Steps of the inner index from one barrier to the next: two instructions' worth.</summary>
    public const int Inner = 32;

    /// <summary>Lanes of a group; each fills one run of either operand.</summary>
    public const int Lanes = 256;

    /// <summary>Elements that lie side by side, which a lane loads, decodes and stores at once.</summary>
    public const int Run = Size * Inner / Lanes;

    /// <summary>Rows and columns of the result that a warp makes: two warps above each other, four side by side.</summary>
    public const int WarpRows = 64, WarpColumns = 32;

    /// <summary>Rows of the result that go through the group's memory at once on their way out.</summary>
    public const int PatchRows = 16;

    private const int BytesOfElement = 2;

    // 16 bytes more than a row, so that the eight rows of an ldmatrix lie in different banks.
    private const int PitchAlong = Inner * BytesOfElement + 16;
    private const int PitchAcross = Size * BytesOfElement + 16;

    // 32 bytes more, for the same reason: the four rows that a half of a warp stores to.
    private const int PatchPitch = WarpColumns * sizeof(float) + 32;

    /// <summary>Where the right operand begins in a stage, after the left one.</summary>
    public const int Right = Size * PitchAlong;

    /// <summary>Bytes of a stage. The patches of all warps take as many.</summary>
    public const int StageBytes = 2 * Right;

    /// <summary>Bytes of the group's memory.</summary>
    public const int Bytes = 2 * StageBytes;

    /// <summary>The first row of a warp in its group's tile.</summary>
    public static int WarpRow(int warp) => (warp & 1) * WarpRows;

    /// <summary>The first column of a warp in its group's tile.</summary>
    public static int WarpColumn(int warp) => (warp >> 1) * WarpColumns;

    /// <summary>Where the lane of an ldmatrix finds its row of the left operand's first fragment: matrices below each other, then those of the inner index's second half.</summary>
    public static int LeftFragment(int warp, int lane) => (WarpRow(warp) + (lane & 15)) * PitchAlong + (lane >> 4) * 8 * BytesOfElement;

    /// <summary>Where a lane puts the first of its sums in its warp's patch: the row of every fourth lane, two columns for each.</summary>
    public static int PatchStore(int warp, int lane) => Patch(warp, lane >> 2) + (lane & 3) * 2 * sizeof(float);

    /// <summary>Where a row of a warp's patch begins.</summary>
    public static int Patch(int warp, int row) => (warp * PatchRows + row) * PatchPitch;

    /// <summary>Runs along the inner index: the left operand, and the weight in x·Wᵀ.</summary>
    public readonly struct AlongInner : ITileOrder
    {
        public static int RunInner(int lane) => (lane & 1) * Run;

        public static int RunOuter(int lane) => lane >> 1;

        public static int RunCount(int inner, int outer) => outer > 0 ? inner : 0;

        public static int RunStore(int lane) => RunOuter(lane) * PitchAlong + RunInner(lane) * BytesOfElement;

        public static int RightFragment(int warp, int lane) =>
            Right + (WarpColumn(warp) + ((lane >> 4) << 3) + (lane & 7)) * PitchAlong + (lane & 8) * BytesOfElement;

        public static void MultiplyAdd(int left, int right) => TensorCore.MultiplyAddAlong(left, right);
    }

    /// <summary>Runs across the inner index: the weight in dy·W.</summary>
    public readonly struct AcrossInner : ITileOrder
    {
        public static int RunInner(int lane) => lane >> 3;

        public static int RunOuter(int lane) => (lane & 7) * Run;

        public static int RunCount(int inner, int outer) => inner > 0 ? outer : 0;

        public static int RunStore(int lane) => RunInner(lane) * PitchAcross + RunOuter(lane) * BytesOfElement;

        public static int RightFragment(int warp, int lane) => Right + (lane & 15) * PitchAcross + (WarpColumn(warp) + (lane >> 4) * 8) * BytesOfElement;

        public static void MultiplyAdd(int left, int right) => TensorCore.MultiplyAddAcross(left, right);
    }
}

/// <summary>How the elements of an operand follow each other, in its tensor and in the group's memory.</summary>
internal interface ITileOrder
{
    /// <summary>Where on the inner index a lane's run begins.</summary>
    static abstract int RunInner(int lane);

    /// <summary>In which row of the left operand or column of the right one it is, or begins.</summary>
    static abstract int RunOuter(int lane);

    /// <summary>How many elements a run has that begins so far before the end of the inner index and so far before that of the other one; none or less when it is outside.</summary>
    static abstract int RunCount(int inner, int outer);

    /// <summary>Where the run goes in the operand's part of a stage.</summary>
    static abstract int RunStore(int lane);

    /// <summary>Where the lane of an ldmatrix finds its row of the right operand's first fragments: the halves of the inner index, then the next eight columns.</summary>
    static abstract int RightFragment(int warp, int lane);

    /// <summary>The warp's sums of one stage: those addresses of the left and of the right operand.</summary>
    static abstract void MultiplyAdd(int left, int right);
}
