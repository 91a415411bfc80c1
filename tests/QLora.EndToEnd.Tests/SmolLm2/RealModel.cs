using QLora.Backends;
using QLora.Checkpoints;
using QLora.Cpu;
using QLora.Models;
using QLora.Testing;

namespace QLora.Tests.SmolLm2;

/// <summary>SmolLM2-135M-Instruct from its GGUF file, loaded as one of the recorded variants, and what was recorded of it.</summary>
internal sealed class RealModel : IDisposable
{
    private RealModel(QuantizationOptions quantization)
    {
        Recorded = SafetensorsFile.Open(TestData.Golden("smollm2/golden.safetensors"));
        File = ModelFile.Open(ModelPath);
        Backend = new CpuBackend();
        Model = File.Load(Backend, quantization);
    }

    /// <summary>The names of the recorded variants.</summary>
    public static TheoryData<string> Variants => ["float32", "nf4_double"];

    public static string ModelPath => TestData.Shared("models/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf");

    public ModelFile File { get; }

    public Backend Backend { get; }

    public CausalLanguageModel Model { get; }

    public SafetensorsFile Recorded { get; }

    /// <summary>The recorded text, as token ids.</summary>
    public int[] Text => [.. Recorded.ReadIntegers("eval.input_ids").Select(id => (int)id)];

    public static RealModel Load(string variant) => new(Quantization(variant));

    public static QuantizationOptions Quantization(string variant) => variant == "float32" ? QuantizationOptions.None : new QuantizationOptions();

    public void Dispose()
    {
        Model.Dispose();
        Backend.Dispose();
        File.Dispose();
        Recorded.Dispose();
    }
}
