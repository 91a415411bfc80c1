using QLora.Backends;

namespace QLora.Tests.Backends.Reference;

public sealed class Dropout() : DropoutTests(Devices.All)
{
    [Fact]
    public void An_element_is_kept_when_its_word_reaches_the_threshold() => OnEachDevice(backend =>
    {
        var input = Values.Normal(1, 3, 7);
        var result = Run(backend, w =>
        {
            var y = w.Fresh(3, 7);
            w.Backend.Dropout(w.Upload(input), y, 0.75f, 11, 12);
            return [y];
        });
        for (var i = 0; i < input.Data.Length; i++)
        {
            Assert.Equal(Philox.Word(11, 12, (ulong)i) >= 3221225472 ? 4 * input.Data[i] : 0, result[0].Data[i]);
        }
    });
}
