using System.Buffers;
using System.Collections.Concurrent;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace QLora.Text.Tokenizers;

/// <summary>A token of a word.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Start">Where in the word it begins: the UTF-16 position of the first character that it stands for, if only for part of that.</param>
/// <param name="Length">How many units it stands for, up to the end of its last character.</param>
internal readonly record struct WordToken(int Id, int Start, int Length);

/// <summary>Byte-pair encoding of words, on <see cref="BpeTokenizer"/>. Words that were met before are remembered. Safe to use from several threads.</summary>
internal sealed class BpeModel
{
    // Of longer words BpeTokenizer's quadratic part begins to show.
    private const int LongestForBpeTokenizer = 256;
    private const int LongestRemembered = 128, MostRemembered = 1 << 15;

    private readonly BpeVocabulary _vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _ids;
    private readonly BpeTokenizer? _bpe;
    private readonly Lazy<LongWordMerger> _longWords;
    private readonly int?[] _byteTokens;
    private readonly ConcurrentDictionary<string, WordToken[]> _words = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, WordToken[]>.AlternateLookup<ReadOnlySpan<char>> _wordLookup;
    private int _remembered;

    public BpeModel(BpeVocabulary vocabulary)
    {
        _vocabulary = vocabulary;
        _ids = vocabulary.Ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _bpe = CreateBpeTokenizer(vocabulary);
        _longWords = new Lazy<LongWordMerger>(() => new LongWordMerger(vocabulary.Merges));
        _byteTokens = [.. Enumerable.Range(0, 256).Select(b => vocabulary.ByteFallback && vocabulary.Ids.TryGetValue($"<0x{b:X2}>", out var id) ? id : (int?)null)];
        _wordLookup = _words.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>The tokens of a word, in order.</summary>
    public WordToken[] Encode(ReadOnlySpan<char> word)
    {
        if (_wordLookup.TryGetValue(word, out var known)) return known;
        var tokens = _vocabulary.IsByteLevel ? EncodeBytes(word) : [.. EncodeCharacters(word)];
        var remember = word.Length <= LongestRemembered && Volatile.Read(ref _remembered) < MostRemembered;
        if (remember && _words.TryAdd(word.ToString(), tokens)) Interlocked.Increment(ref _remembered);
        return tokens;
    }

    /// <summary>Encodes a word in <see cref="ByteAlphabet"/>, and finds the characters that its tokens' bytes belong to.</summary>
    private WordToken[] EncodeBytes(ReadOnlySpan<char> word)
    {
        var inAlphabet = ArrayPool<char>.Shared.Rent(word.Length * 3);
        var characters = ArrayPool<(int Start, int End)>.Shared.Rent(word.Length * 3);
        try
        {
            var count = 0;
            Span<byte> utf8 = stackalloc byte[4];
            for (int at = 0, length; at < word.Length; at += length)
            {
                // Half a surrogate pair is U+FFFD.
                Rune.DecodeFromUtf16(word[at..], out var rune, out length);
                foreach (var value in utf8[..rune.EncodeToUtf8(utf8)])
                {
                    characters[count] = (at, at + length);
                    inAlphabet[count++] = ByteAlphabet.CharacterOf(value);
                }
            }

            var tokens = EncodeCharacters(inAlphabet.AsSpan(0, count)).ToArray();
            foreach (ref var token in tokens.AsSpan())
            {
                var start = characters[token.Start].Start;
                token = token with { Start = start, Length = characters[token.Start + token.Length - 1].End - start };
            }

            return tokens;
        }
        finally
        {
            ArrayPool<char>.Shared.Return(inAlphabet);
            ArrayPool<(int, int)>.Shared.Return(characters);
        }
    }

    private List<WordToken> EncodeCharacters(ReadOnlySpan<char> word)
    {
        if (_vocabulary.IgnoreMerges && _ids.TryGetValue(word, out var id)) return [new WordToken(id, 0, word.Length)];
        var tokens = new List<WordToken>();
        var start = 0;
        for (int at = 0, length; at < word.Length; at += length)
        {
            length = char.IsHighSurrogate(word[at]) && at + 1 < word.Length && char.IsLowSurrogate(word[at + 1]) ? 2 : 1;
            if (_ids.TryGetValue(word.Slice(at, length), out _)) continue;

            // No merge reaches over a character that has no token, so the parts stand for themselves.
            EncodeKnown(word, start, at, tokens);
            AddUnknown(word.Slice(at, length), at, tokens);
            start = at + length;
        }

        EncodeKnown(word, start, word.Length, tokens);
        return tokens;
    }

    private void EncodeKnown(ReadOnlySpan<char> word, int start, int end, List<WordToken> tokens)
    {
        if (start == end) return;
        if (_bpe is null || end - start > LongestForBpeTokenizer)
        {
            MergeLong(word, start, end, tokens);
            return;
        }

        foreach (var token in _bpe.EncodeToTokens(word[start..end], out _, considerPreTokenization: false, considerNormalization: false))
        {
            tokens.Add(new WordToken(token.Id, start + token.Offset.Start.Value, token.Offset.End.Value - token.Offset.Start.Value));
        }
    }

    private void MergeLong(ReadOnlySpan<char> word, int start, int end, List<WordToken> tokens)
    {
        var symbols = new WordToken[end - start];
        var count = 0;
        for (int at = start, length; at < end; at += length)
        {
            length = char.IsHighSurrogate(word[at]) && at + 1 < end && char.IsLowSurrogate(word[at + 1]) ? 2 : 1;
            symbols[count++] = new WordToken(_ids[word.Slice(at, length)], at, length);
        }

        var merged = _longWords.Value.Apply(symbols.AsSpan(0, count), out _);
        tokens.AddRange(symbols.AsSpan(0, merged));
    }

    /// <summary>Writes a character that has no token in its bytes, where there are tokens for those, or as the unknown token.</summary>
    private void AddUnknown(ReadOnlySpan<char> character, int at, List<WordToken> tokens)
    {
        Span<byte> buffer = stackalloc byte[4];
        var utf8 = buffer[..Encoding.UTF8.GetBytes(character, buffer)];
        if (HaveTokens(utf8))
        {
            foreach (var value in utf8) tokens.Add(new WordToken(_byteTokens[value]!.Value, at, character.Length));
        }
        else if (_vocabulary.Unknown is { } unknown)
        {
            if (_vocabulary.FuseUnknown && tokens.Count > 0 && tokens[^1] is var last && last.Id == unknown && last.Start + last.Length == at)
            {
                tokens[^1] = last with { Length = last.Length + character.Length };
            }
            else
            {
                tokens.Add(new WordToken(unknown, at, character.Length));
            }
        }
    }

    private bool HaveTokens(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            if (_byteTokens[value] is null) return false;
        }

        return true;
    }

    /// <summary>BpeTokenizer with the merges; null where it can't be told them, because a token has a space in it.</summary>
    private static BpeTokenizer? CreateBpeTokenizer(BpeVocabulary vocabulary)
    {
        foreach (var merge in vocabulary.Merges)
        {
            if (vocabulary.Tokens[merge.Left]!.Contains(' ') || vocabulary.Tokens[merge.Right]!.Contains(' ')) return null;
        }

        return BpeTokenizer.Create(new BpeOptions(vocabulary.Ids)
        {
            Merges = vocabulary.Merges.Select(merge => $"{vocabulary.Tokens[merge.Left]} {vocabulary.Tokens[merge.Right]}"),
        });
    }
}
