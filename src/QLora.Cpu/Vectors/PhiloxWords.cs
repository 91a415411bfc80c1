using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using QLora.Backends;

namespace QLora.Cpu.Vectors;

/// <summary>
/// <see cref="Philox"/> for as many blocks as there are 64-bit places, each of whose four words has a vector of its own. Only the lower half of a
/// place counts: that is all a multiplication reads, so what the upper halves gather on the way need not be cleared. The blocks stand in such an
/// order (even places first) that the words come out in the stream's order by unpacking alone. The wider vectors exist on x86 only.
/// </summary>
internal static class PhiloxWords
{
    private const ulong Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;
    private const int Rounds = 10;

    /// <summary>Words 4·<paramref name="block"/> to 4·<paramref name="block"/> + 7 of a stream, in two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<uint> First, Vector128<uint> Second) Words128(ulong seed, ulong stream, ulong block)
    {
        var word0 = Vector128.Create(block) + Vector128.Create(0UL, 1);
        var (word1, word2, word3) = (word0 >> 32, Vector128.Create(stream), Vector128.Create(stream >> 32));
        var (key0, key1) = ((uint)seed, (uint)(seed >> 32));
        for (var round = 0; round < Rounds; round++)
        {
            // Factors are made outside of Multiply: unoptimised code of .NET 10 reads zeros where a broadcast of a variable is an operand of its own.
            var product0 = Multiply(word0, Vector128.Create(Multiplier0));
            var product1 = Multiply(word2, Vector128.Create(Multiplier1));
            (word0, word1) = ((product1 >> 32) ^ word1 ^ Vector128.Create((ulong)key0), product1);
            (word2, word3) = ((product0 >> 32) ^ word3 ^ Vector128.Create((ulong)key1), product0);
            key0 += Weyl0;
            key1 += Weyl1;
        }

        var lower = Vector128.Create(0xFFFFFFFFUL);
        var (words01, words23) = ((word0 & lower) | (word1 << 32), (word2 & lower) | (word3 << 32));
        return (Vector128.Create(words01[0], words23[0]).AsUInt32(), Vector128.Create(words01[1], words23[1]).AsUInt32());

        static Vector128<ulong> Multiply(Vector128<ulong> x, Vector128<ulong> factor) => Sse2.IsSupported
            ? Sse2.Multiply(x.AsUInt32(), factor.AsUInt32())
            : (x & Vector128.Create(0xFFFFFFFFUL)) * factor;
    }

    /// <summary>Words 4·<paramref name="block"/> to 4·<paramref name="block"/> + 15 of a stream, in two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<uint> First, Vector256<uint> Second) Words256(ulong seed, ulong stream, ulong block)
    {
        var word0 = Vector256.Create(block) + Vector256.Create(0UL, 2, 1, 3);
        var (word1, word2, word3) = (word0 >> 32, Vector256.Create(stream), Vector256.Create(stream >> 32));
        var (key0, key1) = ((uint)seed, (uint)(seed >> 32));
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = Multiply(word0, Vector256.Create(Multiplier0));
            var product1 = Multiply(word2, Vector256.Create(Multiplier1));
            (word0, word1) = ((product1 >> 32) ^ word1 ^ Vector256.Create((ulong)key0), product1);
            (word2, word3) = ((product0 >> 32) ^ word3 ^ Vector256.Create((ulong)key1), product0);
            key0 += Weyl0;
            key1 += Weyl1;
        }

        var lower = Vector256.Create(0xFFFFFFFFUL);
        var (words01, words23) = ((word0 & lower) | (word1 << 32), (word2 & lower) | (word3 << 32));
        return (Avx2.UnpackLow(words01, words23).AsUInt32(), Avx2.UnpackHigh(words01, words23).AsUInt32());

        static Vector256<ulong> Multiply(Vector256<ulong> x, Vector256<ulong> factor) => Avx2.Multiply(x.AsUInt32(), factor.AsUInt32());
    }

    /// <summary>Words 4·<paramref name="block"/> to 4·<paramref name="block"/> + 31 of a stream, in two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<uint> First, Vector512<uint> Second) Words512(ulong seed, ulong stream, ulong block)
    {
        var word0 = Vector512.Create(block) + Vector512.Create(0UL, 4, 1, 5, 2, 6, 3, 7);
        var (word1, word2, word3) = (word0 >> 32, Vector512.Create(stream), Vector512.Create(stream >> 32));
        var (key0, key1) = ((uint)seed, (uint)(seed >> 32));
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = Multiply(word0, Vector512.Create(Multiplier0));
            var product1 = Multiply(word2, Vector512.Create(Multiplier1));
            (word0, word1) = ((product1 >> 32) ^ word1 ^ Vector512.Create((ulong)key0), product1);
            (word2, word3) = ((product0 >> 32) ^ word3 ^ Vector512.Create((ulong)key1), product0);
            key0 += Weyl0;
            key1 += Weyl1;
        }

        var lower = Vector512.Create(0xFFFFFFFFUL);
        var (words01, words23) = ((word0 & lower) | (word1 << 32), (word2 & lower) | (word3 << 32));
        return (Avx512F.UnpackLow(words01, words23).AsUInt32(), Avx512F.UnpackHigh(words01, words23).AsUInt32());

        static Vector512<ulong> Multiply(Vector512<ulong> x, Vector512<ulong> factor) => Avx512F.Multiply(x.AsUInt32(), factor.AsUInt32());
    }
}
