namespace QLora.Backends;

/// <summary>
/// A stretch of memory that blocks are taken of: which parts are free, and which pages are resident. What is given back joins what is free beside it.
/// </summary>
/// <param name="address">Where it begins, a multiple of the pages' size.</param>
/// <param name="bytes">Its size, a multiple of the pages' size.</param>
/// <param name="pageBytes">The unit in which its memory comes and goes.</param>
internal class MemoryRegion(nint address, long bytes, long pageBytes = MemoryRegion.PageBytes)
{
    /// <summary>The unit in which memory comes from the system and goes back: a large page of most systems.</summary>
    public const int PageBytes = 2 << 20;

    private readonly List<FreePart> _free = [new(0, bytes)]; // in order, no two side by side
    private readonly Page[] _pages = new Page[bytes / pageBytes];

    /// <summary>Where it begins.</summary>
    public nint Address => address;

    /// <summary>Bytes of its pages that are resident.</summary>
    public long Resident { get; private set; }

    /// <summary>Blocks of it that are lent.</summary>
    public int Lent { get; private set; }

    /// <summary>Takes a block of the first free part that it fits into, and makes its pages resident.</summary>
    /// <param name="length">Its bytes.</param>
    /// <param name="start">Where in the region it begins.</param>
    /// <returns>Whether it fits anywhere.</returns>
    public bool TryTake(long length, out long start)
    {
        var index = 0;
        while (index < _free.Count && _free[index].Length < length) index++;
        start = index < _free.Count ? _free[index].Start : -1;
        if (start < 0) return false;
        if (_free[index].Length == length) _free.RemoveAt(index);
        else _free[index] = new FreePart(start + length, _free[index].Length - length);
        Lent++;
        var (first, end) = PagesOf(start, length);
        for (var page = first; page < end; page++) _pages[page].Blocks++;
        while (first < end && _pages[first].Resident) first++;
        while (first < end && _pages[end - 1].Resident) end--;
        if (first < end) SetResident(first, end, true);
        return true;
    }

    /// <summary>Takes a block back.</summary>
    /// <param name="start">Where in the region it begins.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="step">The step in which it was last used.</param>
    public void GiveBack(long start, long length, int step)
    {
        Lent--;
        var (first, end) = PagesOf(start, length);
        for (var page = first; page < end; page++)
        {
            _pages[page].Blocks--;
            _pages[page].LastStep = step;
        }

        var next = NextFree(start);
        var joinsNext = next < _free.Count && _free[next].Start == start + length;
        var joinsPrevious = next > 0 && _free[next - 1].Start + _free[next - 1].Length == start;
        if (joinsNext) (length, _free[next]) = (length + _free[next].Length, new FreePart(start, length + _free[next].Length));
        if (joinsPrevious) _free[next - 1] = new FreePart(_free[next - 1].Start, _free[next - 1].Length + length);
        if (joinsNext && joinsPrevious) _free.RemoveAt(next);
        if (!joinsNext && !joinsPrevious) _free.Insert(next, new FreePart(start, length));
    }

    /// <summary>Gives the pages back to the system that no block had in a step.</summary>
    public void ReleaseUnused(int step)
    {
        for (var first = 0; first < _pages.Length; first++)
        {
            var end = first;
            while (end < _pages.Length && _pages[end] is { Resident: true, Blocks: 0 } page && page.LastStep != step) end++;
            if (end == first) continue;
            SetResident(first, end, false);
            first = end;
        }
    }

    /// <summary>Asks the system for pages, before they are first used.</summary>
    protected virtual void Populate(nint start, long length) { }

    /// <summary>Gives pages back to the system; their content is lost, their addresses stay.</summary>
    protected virtual void Release(nint start, long length) { }

    private (int First, int End) PagesOf(long start, long length) => ((int)(start / pageBytes), (int)((start + length + pageBytes - 1) / pageBytes));

    private void SetResident(int first, int end, bool resident)
    {
        for (var page = first; page < end; page++)
        {
            if (_pages[page].Resident == resident) continue;
            _pages[page].Resident = resident;
            Resident += resident ? pageBytes : -pageBytes;
        }

        var (start, length) = (address + (nint)(first * pageBytes), (end - first) * pageBytes);
        if (resident) Populate(start, length);
        else Release(start, length);
    }

    /// <summary>The index of the first free part after a place.</summary>
    private int NextFree(long start)
    {
        var (low, high) = (0, _free.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_free[middle].Start < start) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    private readonly record struct FreePart(long Start, long Length);

    private struct Page
    {
        /// <summary>Blocks that are lent and lie in it, wholly or in part.</summary>
        public int Blocks;

        /// <summary>The step in which a block of it was last given back.</summary>
        public int LastStep;

        public bool Resident;
    }
}
