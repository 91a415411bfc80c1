using System.Globalization;
using System.Text;
using QLora.Models;

namespace QLora.Text.Tokenizers;

/// <summary>
/// Tokens as SentencePiece writes them: a sign for the space, bytes as <c>&lt;0x0A&gt;</c>, and a space too many at the front. Supported are these steps in this order,
/// each where it is needed: Replace or Metaspace, ByteFallback, Fuse, Strip of the front.
/// </summary>
internal sealed class PieceDecoder : TokenDecoder
{
    private readonly List<(string From, string To)> _replacements = [];
    private bool _bytes;
    private bool _fused;
    private string? _metaspace;
    private bool _metaspacePrepends;
    private char _stripped;
    private int _stripCount;

    private PieceDecoder()
    {
    }

    /// <summary>Reads a step, or a sequence of them.</summary>
    /// <exception cref="QLoraException">A step is malformed or not supported, or stands where it is not.</exception>
    public static PieceDecoder ReadSteps(ConfigJson json)
    {
        var decoder = new PieceDecoder();
        foreach (var step in json.String("type") == "Sequence" ? json.Objects("decoders") : [json]) decoder.AddStep(step);
        return decoder;
    }

    public override DecodedText Begin() => new PieceText(this);

    private void AddStep(ConfigJson json)
    {
        var type = json.String("type");
        var late = _stripCount > 0 || (type is not "Strip" && _fused) || (type is not ("Strip" or "Fuse") && _bytes);
        if (late) throw json.Error("type", $"{type} is not supported at this place; expected Replace or Metaspace, ByteFallback, Fuse, Strip in this order");
        switch (type)
        {
            case "Replace":
                var pattern = json.Object("pattern") ?? throw json.Error("pattern", "is missing, expected {\"String\": …}");
                var from = pattern.String("String");
                if (from.Length == 0) throw pattern.Error("String", "is empty");
                _replacements.Add((from, json.String("content")));
                break;
            case "Metaspace":
                _metaspace = MetaspacePreTokenizer.ReadReplacement(json);
                _metaspacePrepends = MetaspacePreTokenizer.ReadScheme(json) != MetaspacePreTokenizer.Prepend.Never;
                break;
            case "ByteFallback":
                _bytes = true;
                break;
            case "Fuse":
                _fused = true;
                break;
            case "Strip":
                ReadStrip(json);
                break;
            default:
                throw json.Error("type", $"{type} is not supported within a sequence; there are ByteFallback, Fuse, Metaspace, Replace and Strip");
        }
    }

    private void ReadStrip(ConfigJson json)
    {
        var content = json.String("content");
        if (!_fused || content.Length != 1 || json.Integer("stop", 0, minimum: 0) != 0)
        {
            throw json.Error("type", "Strip is only supported behind Fuse, of one character, and with stop 0");
        }

        (_stripped, _stripCount) = (content[0], json.Integer("start", 0, minimum: 0));
    }

    private string Replace(string token, bool isFirst)
    {
        foreach (var (from, to) in _replacements) token = token.Replace(from, to, StringComparison.Ordinal);
        return _metaspace is null ? token : token.Replace(_metaspace, isFirst && _metaspacePrepends ? "" : " ", StringComparison.Ordinal);
    }

    private sealed class PieceText(PieceDecoder decoder) : DecodedText
    {
        private readonly List<byte> _run = [];
        private bool _isFirst = true;
        private int _toStrip = decoder._stripCount;

        public override void Add(string token, StringBuilder text)
        {
            token = decoder.Replace(token, _isFirst);
            _isFirst = false;
            if (decoder._bytes && ByteOf(token) is { } value)
            {
                _run.Add(value);
                return;
            }

            EndRun(text);
            Write(token, text);
        }

        public override void Finish(StringBuilder text) => EndRun(text);

        /// <summary>Bytes side by side are a text, or, if that is no UTF-8, one U+FFFD for each: so none of them is known before the last.</summary>
        private void EndRun(StringBuilder text)
        {
            if (_run.Count == 0) return;
            byte[] bytes = [.. _run];
            _run.Clear();
            Write(System.Text.Unicode.Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : new string('\uFFFD', bytes.Length), text);
        }

        private void Write(string part, StringBuilder text)
        {
            var start = 0;
            while (start < part.Length && _toStrip > 0 && part[start] == decoder._stripped)
            {
                start++;
                _toStrip--;
            }

            if (start < part.Length) _toStrip = 0;
            text.Append(part, start, part.Length - start);
        }

        private static byte? ByteOf(string token) =>
            token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) ? value : null;
    }
}
