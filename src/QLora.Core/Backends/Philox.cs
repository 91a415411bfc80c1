namespace QLora.Backends;

/// <summary>
/// The counter-based generator Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): word i of a stream is computed from
/// (seed, stream, i) alone, so that any part of a mask can be made anywhere, in any order, and again.
/// </summary>
public static class Philox
{
    /// <summary>Words 4·<paramref name="counter"/> to 4·<paramref name="counter"/> + 3 of a stream.</summary>
    public static (uint W0, uint W1, uint W2, uint W3) Block(ulong seed, ulong stream, ulong counter)
    {
        uint c0 = (uint)counter, c1 = (uint)(counter >> 32), c2 = (uint)stream, c3 = (uint)(stream >> 32);
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        for (var round = 0; round < 10; round++)
        {
            var p0 = (ulong)c0 * 0xD2511F53;
            var p1 = (ulong)c2 * 0xCD9E8D57;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }

        return (c0, c1, c2, c3);
    }

    /// <summary>Word <paramref name="index"/> of a stream.</summary>
    public static uint Word(ulong seed, ulong stream, ulong index)
    {
        var (w0, w1, w2, w3) = Block(seed, stream, index >> 2);
        return (index & 3) switch { 0 => w0, 1 => w1, 2 => w2, _ => w3 };
    }

    /// <summary>The smallest word that is kept when <paramref name="probability"/> of them are to be dropped.</summary>
    public static uint DropThreshold(float probability) => (uint)(probability * 4294967296.0);

    /// <summary>A number in [0, 1) from the upper 24 bits of a word.</summary>
    public static float Uniform(uint word) => (word >> 8) * (1f / 16777216f);
}
