using QLora.Backends;
using QLora.Backends.Planning;
using QLora.Tensors;

namespace QLora.Core.Tests.Backends;

/// <summary>The pool that host buffers come from.</summary>
public class MemoryPoolTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void BuffersNeverOverlapAndKeepWhatIsWritten()
    {
        using var pool = new HostMemoryPool();
        var (random, lent) = (new Random(3), new List<(HostBuffer Buffer, byte Mark)>());
        for (var round = 0; round < 3000; round++)
        {
            if (lent.Count < 40 && random.Next(3) > 0)
            {
                var buffer = (HostBuffer)pool.Allocate(1 + (random.Next(4) == 0 ? random.Next(3 << 20) : random.Next(5000)));
                var mark = (byte)round;
                Content(buffer).Fill(mark);
                lent.Add((buffer, mark));
            }
            else if (lent.Count > 0)
            {
                var index = random.Next(lent.Count);
                var (buffer, mark) = lent[index];
                Assert.Equal(-1, Content(buffer).IndexOfAnyExcept(mark));
                buffer.Dispose();
                lent.RemoveAt(index);
            }

            if (round % 100 == 0) pool.EndStep();
        }

        Assert.All(lent, item => Assert.Equal(-1, Content(item.Buffer).IndexOfAnyExcept(item.Mark)));
        Assert.Equal(lent.Sum(item => (item.Buffer.Bytes + 63) / 64 * 64), pool.Statistics.InUse);
        foreach (var (buffer, _) in lent) buffer.Dispose();
        Assert.Equal(0, pool.Statistics.InUse);
    }

    [Fact]
    public void ATensorOfALoanThatIsOverIsOfNoUse()
    {
        using var pool = new HostMemoryPool();
        var first = new Tensor(pool.Allocate(64), new Shape(16), DType.Float32);
        first.Dispose();
        var second = new Tensor(pool.Allocate(64), new Shape(16), DType.Float32);
        Assert.Same(first.Buffer, second.Buffer);
        Assert.Throws<ObjectDisposedException>(() => first.Span<float>().Length);
        first.Dispose();
        second.Span<float>().Fill(1);
        Assert.Equal(64, pool.Statistics.InUse);
        second.Dispose();
        Assert.Equal(0, pool.Statistics.InUse);
    }

    [Theory]
    [InlineData("012")]
    [InlineData("021")]
    [InlineData("102")]
    [InlineData("120")]
    [InlineData("201")]
    [InlineData("210")]
    public void WhatIsGivenBackJoinsWhatIsFreeBesideIt(string order)
    {
        using var pool = new HostMemoryPool();
        var buffers = Enumerable.Range(0, 3).Select(_ => pool.Allocate(10 * MiB)).ToList();
        var before = pool.Statistics.Resident;
        foreach (var index in order) buffers[index - '0'].Dispose();
        using var whole = pool.Allocate(30 * MiB);
        Assert.Equal(30 * MiB, before);
        Assert.Equal(before, pool.Statistics.PeakResident);
    }

    [Fact]
    public void ABufferGoesToTheFirstPlaceItFitsInto()
    {
        using var pool = new HostMemoryPool();
        var (small, first, large, second) = (pool.Allocate(2 * MiB), pool.Allocate(64), pool.Allocate(4 * MiB), pool.Allocate(64));
        small.Dispose();
        large.Dispose();
        using var x = pool.Allocate(4 * MiB);
        using var y = pool.Allocate(2 * MiB);
        Assert.Equal(8 * MiB, pool.Statistics.Resident);
        first.Dispose();
        second.Dispose();
    }

    [Fact]
    public void WhatIsLargerThanARegionGetsOneOfItsOwn()
    {
        using var pool = new PlanningPool(wholeRegions: false);
        using var buffer = pool.Allocate((3L << 30) + 1);
        Assert.Equal((3L << 30) + (2 * MiB), pool.Statistics.Resident);
    }

    [Fact]
    public void PagesThatAStepDidNotUseGoBack()
    {
        using var pool = new HostMemoryPool();
        using var kept = pool.Allocate(64);
        pool.Allocate(100 * MiB).Dispose();
        pool.Allocate(20 * MiB).Dispose();
        Assert.Equal(102 * MiB, pool.Statistics.Resident);
        pool.EndStep();
        Assert.Equal(102 * MiB, pool.Statistics.Resident);
        pool.Allocate(20 * MiB).Dispose();
        pool.EndStep();
        Assert.Equal(22 * MiB, pool.Statistics.Resident);
        pool.EndStep();
        Assert.Equal(new MemoryStatistics(InUse: 64, PeakInUse: 64 + (100 * MiB), Resident: 2 * MiB, PeakResident: 102 * MiB), pool.Statistics);
    }

    [Fact]
    public void ABufferMayOutliveItsPool()
    {
        var pool = new HostMemoryPool();
        var buffer = (HostBuffer)pool.Allocate(100);
        pool.Dispose();
        Content(buffer).Fill(1);
        buffer.Dispose();
        buffer.Dispose();
        Assert.Equal(0, pool.Statistics.Resident);
        Assert.Throws<ObjectDisposedException>(() => pool.Allocate(1));
    }

    private static unsafe Span<byte> Content(HostBuffer buffer) => new(buffer.Pointer, (int)buffer.Bytes);
}
