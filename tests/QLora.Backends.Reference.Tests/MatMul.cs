using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class MatMul() : MatMulTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        var (a, b) = (Values.Of(new Shape(2, 3), 1, 2, 3, 4, 5, 6), Values.Of(new Shape(3, 2), 7, 8, 9, 10, 11, 12));
        var result = Run(backend, w =>
        {
            var (plain, transposed, sum) = (w.Fresh(2, 2), w.Fresh(3, 3), w.Upload(Values.Of(new Shape(2, 2), 1, 1, 1, 1)));
            w.Backend.MatMul(w.Upload(a), w.Upload(b), plain);
            w.Backend.MatMul(w.Upload(a), w.Upload(b), transposed, transposeA: true, transposeB: true);
            w.Backend.MatMul(w.Upload(a), w.Upload(a), sum, transposeB: true, alpha: 2, beta: 10);
            return [plain, transposed, sum];
        });
        Assert.Equal([58f, 64, 139, 154], result[0].Data);
        Assert.Equal([39f, 49, 59, 54, 68, 82, 69, 87, 105], result[1].Data);
        Assert.Equal([38f, 74, 74, 164], result[2].Data);
    });
}
