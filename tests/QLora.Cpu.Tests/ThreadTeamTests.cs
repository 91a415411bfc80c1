using QLora.Cpu;

namespace QLora.Tests.Backends.Cpu;

public sealed class ThreadTeamTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(12)] // more than there are cores, so that parts are often done by others
    public void Every_part_is_done_once_a_round(int threads)
    {
        using var team = new ThreadTeam(threads);
        var counts = new int[threads];
        for (var round = 1; round <= 2000; round++)
        {
            team.Run(new Count(counts));
            Assert.All(counts, count => Assert.Equal(round, count));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_failure_of_any_part_is_thrown_to_the_caller_and_the_team_goes_on(int failing)
    {
        using var team = new ThreadTeam(2);
        for (var round = 0; round < 50; round++)
        {
            var error = Assert.Throws<InvalidOperationException>(() => team.Run(new Fail(failing)));
            Assert.Equal($"part {failing}", error.Message);
            var counts = new int[2];
            team.Run(new Count(counts));
            Assert.Equal([1, 1], counts);
        }
    }

    [Fact]
    public void A_round_after_a_long_pause_wakes_the_sleeping_threads()
    {
        using var team = new ThreadTeam(3);
        var counts = new int[3];
        for (var round = 1; round <= 3; round++)
        {
            Thread.Sleep(50);
            team.Run(new Count(counts));
            Assert.Equal([round, round, round], counts);
        }
    }

    [Fact]
    public void Nothing_is_allocated_for_a_round()
    {
        using var team = new ThreadTeam(2);
        var counts = new int[2];
        team.Run(new Count(counts));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < 100; round++) team.Run(new Count(counts));
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void After_its_end_a_team_does_nothing()
    {
        var team = new ThreadTeam(2);
        team.Dispose();
        team.Dispose();
        Assert.Throws<ObjectDisposedException>(() => team.Run(new Fail(0)));
    }

    private readonly struct Count(int[] counts) : IWork
    {
        public void Run(int part, int parts) => counts[parts == counts.Length ? part : -1]++;
    }

    private readonly struct Fail(int failing) : IWork
    {
        public void Run(int part, int parts)
        {
            if (part == failing) throw new InvalidOperationException($"part {part}");
        }
    }
}
