using System.Text;

namespace QLora.Tests.Text.Tokenizers;

/// <summary>Writes a GGUF file with metadata and no tensors.</summary>
internal sealed class GgufBuilder
{
    public Dictionary<string, object> Values { get; } = [];

    public void Write(string path)
    {
        using var writer = new BinaryWriter(File.Create(path), Encoding.UTF8);
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write(0ul);
        writer.Write((ulong)Values.Count);
        foreach (var (key, value) in Values)
        {
            WriteText(writer, key);
            writer.Write(TypeOf(value));
            WriteValue(writer, value);
        }
    }

    private static uint TypeOf(object value) => value switch
    {
        int => 5,
        float => 6,
        bool => 7,
        string => 8,
        _ => 9,
    };

    private static void WriteValue(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case int number:
                writer.Write(number);
                break;
            case float number:
                writer.Write(number);
                break;
            case bool truth:
                writer.Write(truth);
                break;
            case string text:
                WriteText(writer, text);
                break;
            case System.Collections.ICollection array:
                var elements = array.Cast<object>().ToList();
                writer.Write(elements.Count > 0 ? TypeOf(elements[0]) : 8u);
                writer.Write((ulong)elements.Count);
                foreach (var element in elements) WriteValue(writer, element);
                break;
        }
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }
}
