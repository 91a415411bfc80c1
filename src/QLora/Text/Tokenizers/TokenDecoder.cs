using System.Buffers;
using System.Text;
using QLora.Models;

namespace QLora.Text.Tokenizers;

/// <summary>Puts tokens together to a text: <c>decoder</c> in tokenizer.json.</summary>
internal abstract class TokenDecoder
{
    /// <summary>A text that begins.</summary>
    public abstract DecodedText Begin();

    /// <summary>Reads a decoder.</summary>
    /// <exception cref="QLoraException">It is malformed or not supported.</exception>
    public static TokenDecoder Read(ConfigJson json) => json.String("type") switch
    {
        "ByteLevel" => new ByteLevelDecoder(),
        "Sequence" or "Metaspace" or "Replace" or "ByteFallback" or "Fuse" or "Strip" => PieceDecoder.ReadSteps(json),
        var type => throw json.Error("type", $"a decoder of type {type} is not supported; there are ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Sequence and Strip"),
    };
}

/// <summary>A text that grows token by token. What is not complete yet, such as half a character, is held back.</summary>
internal abstract class DecodedText
{
    /// <summary>Adds a token, and what is complete then to <paramref name="text"/>.</summary>
    public abstract void Add(string token, StringBuilder text);

    /// <summary>Ends the text, and adds what was held back.</summary>
    public abstract void Finish(StringBuilder text);
}

/// <summary>Tokens in <see cref="ByteAlphabet"/>; bytes that are no UTF-8 become U+FFFD.</summary>
internal sealed class ByteLevelDecoder : TokenDecoder
{
    public override DecodedText Begin() => new Utf8Text();

    private sealed class Utf8Text : DecodedText
    {
        private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
        private readonly ArrayBufferWriter<byte> _bytes = new();

        public override void Add(string token, StringBuilder text)
        {
            ByteAlphabet.AppendBytes(token, _bytes);
            Write(text, flush: false);
        }

        public override void Finish(StringBuilder text) => Write(text, flush: true);

        private void Write(StringBuilder text, bool flush)
        {
            var characters = ArrayPool<char>.Shared.Rent(Encoding.UTF8.GetMaxCharCount(_bytes.WrittenCount));
            text.Append(characters, 0, _decoder.GetChars(_bytes.WrittenSpan, characters, flush));
            ArrayPool<char>.Shared.Return(characters);
            _bytes.ResetWrittenCount();
        }
    }
}
