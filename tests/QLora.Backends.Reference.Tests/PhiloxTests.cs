using QLora.Backends;

namespace QLora.Tests.Backends.Reference;

public sealed class PhiloxTests
{
    /// <summary>The known answers of philox4x32-10 that the authors publish with Random123 (counter, key, output).</summary>
    [Theory]
    [InlineData(0x0000000000000000, 0x0000000000000000, 0x0000000000000000, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8)]
    [InlineData(0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd)]
    [InlineData(0x85a308d3243f6a88, 0x0370734413198a2e, 0x299f31d0a4093822, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1)]
    public void Known_answers(ulong counter, ulong stream, ulong seed, uint w0, uint w1, uint w2, uint w3) =>
        Assert.Equal((w0, w1, w2, w3), Philox.Block(seed, stream, counter));

    [Fact]
    public void Words_are_those_of_the_blocks()
    {
        var (w0, w1, w2, w3) = Philox.Block(3, 5, 7);
        Assert.Equal([w0, w1, w2, w3], new[] { 28UL, 29UL, 30UL, 31UL }.Select(index => Philox.Word(3, 5, index)));
    }

    [Theory]
    [InlineData(0f, 0u)]
    [InlineData(0.5f, 0x80000000u)]
    [InlineData(0.99999994f, 0xFFFFFF00u)]
    public void Thresholds(float probability, uint threshold) => Assert.Equal(threshold, Philox.DropThreshold(probability));

    [Fact]
    public void Uniform_numbers_stay_below_one()
    {
        Assert.Equal(0, Philox.Uniform(0));
        Assert.Equal(1 - 1 / 16777216f, Philox.Uniform(uint.MaxValue));
    }
}
