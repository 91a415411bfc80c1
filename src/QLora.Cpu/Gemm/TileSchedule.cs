namespace QLora.Cpu.Gemm;

/// <summary>Consecutive tiles of one panel.</summary>
/// <param name="Panel">The panel.</param>
/// <param name="First">The first tile.</param>
/// <param name="Last">The tile after the last.</param>
internal readonly record struct TileRun(int Panel, int First, int Last);

/// <summary>
/// Who does which tiles of a product. Tiles are numbered panel after panel, and an item is a run of them; or, with shares of rows, an item is the
/// same part of every panel, one for each thread.
/// </summary>
internal readonly struct TileSchedule
{
    private readonly int _panels, _tiles, _shares, _tilesPerItem;

    /// <summary>One panel after another goes to a thread, or its share of the tiles where the panels do not go round.</summary>
    /// <param name="panels">Panels of the result.</param>
    /// <param name="tiles">Tiles of a panel.</param>
    /// <param name="shares">Threads that share the rows; 1 where they share the columns.</param>
    /// <param name="threads">How many there are.</param>
    public TileSchedule(int panels, int tiles, int shares, int threads)
    {
        (_panels, _tiles, _shares) = (panels, tiles, shares);
        var goRound = panels % threads == 0 || panels >= 16 * threads;
        _tilesPerItem = goRound ? tiles : (panels * tiles + threads - 1) / threads;
    }

    /// <summary>Whether each thread has a share of the rows.</summary>
    public bool SharesRows => _shares > 1;

    /// <summary>How many items there are.</summary>
    public int Items => SharesRows ? _shares : (AllTiles + _tilesPerItem - 1) / _tilesPerItem;

    /// <summary>Tiles of an item, about.</summary>
    public long TilesPerItem => SharesRows ? (long)AllTiles / _shares : _tilesPerItem;

    private int AllTiles => _panels * _tiles;

    /// <summary>The tiles of items <paramref name="start"/> up to <paramref name="end"/>, panel by panel.</summary>
    public Runs RunsOf(int start, int end) => SharesRows
        ? new Runs(_tiles, 0, AllTiles, Border(start), Border(end))
        : new Runs(_tiles, start * _tilesPerItem, Math.Min(end * _tilesPerItem, AllTiles), 0, _tiles);

    private int Border(int share) => (int)((long)_tiles * share / _shares);

    /// <summary>Tiles <paramref name="start"/> up to <paramref name="end"/>, as far as they are tiles <paramref name="first"/> up to <paramref name="last"/> of their panel.</summary>
    internal struct Runs(int tiles, int start, int end, int first, int last)
    {
        private int _panel = start / tiles - 1;

        public readonly TileRun Current => new(_panel, Math.Max(first, start - _panel * tiles), Math.Min(last, end - _panel * tiles));

        public readonly Runs GetEnumerator() => this;

        public bool MoveNext() => ++_panel * tiles < end;
    }
}
