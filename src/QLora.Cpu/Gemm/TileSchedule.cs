namespace QLora.Cpu.Gemm;

/// <summary>Consecutive tiles of one panel.</summary>
/// <param name="Panel">The panel.</param>
/// <param name="First">The first tile.</param>
/// <param name="Last">The tile after the last.</param>
internal readonly record struct TileRun(int Panel, int First, int Last);

/// <summary>
/// In what order the tiles of a product are done, and what of them is an item, which one thread does. Tiles follow each other panel by panel; with shares of rows, first those
/// of the first share in all panels. So threads that begin at even distances each have panels, or a share, of their own.
/// </summary>
internal readonly struct TileSchedule
{
    private readonly int _panels, _tiles, _shares, _tilesOfItem;

    /// <summary>An item is a panel, or its part of a share, or a thread's part of all tiles where the panels do not go round.</summary>
    /// <param name="panels">Panels of the result.</param>
    /// <param name="tiles">Tiles of a panel.</param>
    /// <param name="shares">Threads that share the rows; 1 where they share the columns.</param>
    /// <param name="threads">How many there are.</param>
    public TileSchedule(int panels, int tiles, int shares, int threads)
    {
        (_panels, _tiles, _shares) = (panels, tiles, shares);
        var goRound = shares > 1 || panels % threads == 0 || panels >= 16 * threads;
        _tilesOfItem = goRound ? tiles : (panels * tiles + threads - 1) / threads;
    }

    /// <summary>How many items there are.</summary>
    public int Items => checked((int)((Places + _tilesOfItem - 1) / _tilesOfItem));

    /// <summary>Tiles of an item, about.</summary>
    public long TilesPerItem => _tilesOfItem / _shares;

    // Each share has a place for all tiles of a panel, and fills its part of them.
    private long Places => (long)_shares * _panels * _tiles;

    /// <summary>The tiles of items <paramref name="start"/> up to <paramref name="end"/>, panel by panel.</summary>
    public Runs RunsOf(int start, int end) => new(this, (long)start * _tilesOfItem, Math.Min((long)end * _tilesOfItem, Places));

    /// <summary>The tiles of places <paramref name="start"/> up to <paramref name="end"/>.</summary>
    internal struct Runs(TileSchedule schedule, long start, long end)
    {
        private int _panel = (int)(start / schedule._tiles) - 1; // counted on from share to share

        public readonly TileRun Current
        {
            get
            {
                var (share, panel) = Math.DivRem(_panel, schedule._panels);
                var first = (long)_panel * schedule._tiles;
                return new(panel, (int)Math.Max(Border(share), start - first), (int)Math.Min(Border(share + 1), end - first));
            }
        }

        public readonly Runs GetEnumerator() => this;

        public bool MoveNext() => (long)++_panel * schedule._tiles < end;

        private readonly long Border(int share) => (long)schedule._tiles * share / schedule._shares;
    }
}
