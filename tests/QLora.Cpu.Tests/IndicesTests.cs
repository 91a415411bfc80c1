namespace QLora.Tests.Backends.Cpu;

/// <summary>An index that points outside of a tensor is an error, not a wild read.</summary>
public sealed class IndicesTests() : OpTests(Devices.All)
{
    [Theory]
    [InlineData(-1)]
    [InlineData(5)]
    [InlineData(int.MaxValue)]
    public void Out_of_range(int index)
    {
        Refuses("Embedding", "ids[1] is", w => w.Backend.Embedding(w.Upload(0, index), w.Fresh(5, 3), w.Fresh(2, 3)));
        Refuses("EmbeddingBackward", "ids[1] is", w => w.Backend.EmbeddingBackward(w.Upload(0, index), w.Fresh(2, 3), w.Fresh(5, 3)));
        Refuses("RouteBackward", "experts[1] is", w => w.Backend.RouteBackward(w.Fresh(2, 5), w.Upload(0, index).Reshape(2, 1), w.Fresh(2, 1), w.Fresh(2, 5), false));
        Refuses("CombineExperts", "slots[1] is", w => w.Backend.CombineExperts(w.Fresh(2, 3), w.Upload(0, index), w.Fresh(5, 1), w.Fresh(5, 3)));
        Refuses("CombineExpertsBackward", "slots[1] is",
            w => w.Backend.CombineExpertsBackward(w.Fresh(2, 3), w.Upload(0, index), w.Fresh(5, 1), w.Fresh(5, 3), w.Fresh(2, 3), w.Fresh(5, 1)));
        Refuses("Rotary", "positions[1] is", w => w.Backend.Rotary(w.Fresh(2, 1, 4), w.Upload(0, index), w.Fresh(5, 2), w.Fresh(5, 2), inverse: false));
        Refuses("CrossEntropy", "labels[1] is", w => w.Backend.CrossEntropy(w.Fresh(2, 5), w.Upload(0, index), w.Fresh(2), null));
    }
}
