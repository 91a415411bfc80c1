using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QLora.Cpu.Vectors;

/// <summary>
/// <see cref="QLora.Backends.Philox"/> for several blocks at once, one in each 128 bits. A round multiplies the words with even index to 64 bits, (lo₀, hi₀, lo₁, hi₁), and with
/// the reverse of that, (hi₁, lo₁, hi₀, lo₀), the words with odd index and the keys meet where they belong.
/// </summary>
internal static class PhiloxWords
{
    private const ulong Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;
    private const int Rounds = 10;

    /// <summary>The words of one block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Words128(ulong seed, ulong stream, ulong block)
    {
        var words = Vector128.Create(block, stream).AsUInt32();
        var key = Vector128.Create((uint)seed, seed >> 32).AsUInt32();
        for (var round = 0; round < Rounds; round++)
        {
            var multiplier = Vector128.Create(Multiplier0, Multiplier1);
            var product = Sse2.IsSupported ? Sse2.Multiply(words, multiplier.AsUInt32()) : (words.AsUInt64() & Vector128.Create(0xFFFFFFFFUL)) * multiplier;
            words = Vector128.Shuffle(product.AsUInt32(), Vector128.Create(3u, 2, 1, 0)) ^ (words.AsUInt64() >> 32).AsUInt32() ^ key;
            key += Vector128.Create(Weyl0, 0, Weyl1, 0);
        }

        return words;
    }

    /// <summary>The words of two blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Words256(ulong seed, ulong stream, ulong block)
    {
        var words = Vector256.Create(block, stream, block + 1, stream).AsUInt32();
        var key = Vector256.Create(Vector128.Create((uint)seed, seed >> 32)).AsUInt32();
        for (var round = 0; round < Rounds; round++)
        {
            var multiplier = Vector256.Create(Vector128.Create(Multiplier0, Multiplier1));
            var product = Avx2.IsSupported ? Avx2.Multiply(words, multiplier.AsUInt32()) : (words.AsUInt64() & Vector256.Create(0xFFFFFFFFUL)) * multiplier;
            words = Vector256.Shuffle(product.AsUInt32(), Vector256.Create(3u, 2, 1, 0, 7, 6, 5, 4)) ^ (words.AsUInt64() >> 32).AsUInt32() ^ key;
            key += Vector256.Create(Weyl0, 0, Weyl1, 0, Weyl0, 0, Weyl1, 0);
        }

        return words;
    }

    /// <summary>The words of four blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Words512(ulong seed, ulong stream, ulong block)
    {
        var words = Vector512.Create(block, stream, block + 1, stream, block + 2, stream, block + 3, stream).AsUInt32();
        var key = Vector512.Create(Vector128.Create((uint)seed, seed >> 32)).AsUInt32();
        for (var round = 0; round < Rounds; round++)
        {
            var multiplier = Vector512.Create(Vector128.Create(Multiplier0, Multiplier1));
            var product = Avx512F.IsSupported ? Avx512F.Multiply(words, multiplier.AsUInt32()) : (words.AsUInt64() & Vector512.Create(0xFFFFFFFFUL)) * multiplier;
            words = Vector512.Shuffle(product.AsUInt32(), Vector512.Create(3u, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12))
                ^ (words.AsUInt64() >> 32).AsUInt32() ^ key;
            key += Vector512.Create(Weyl0, 0, Weyl1, 0, Weyl0, 0, Weyl1, 0, Weyl0, 0, Weyl1, 0, Weyl0, 0, Weyl1, 0);
        }

        return words;
    }
}
