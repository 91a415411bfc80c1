using System.Text.Json;
using System.Text.Json.Nodes;
using QLora.Checkpoints;
using QLora.Layers;
using QLora.Tensors;

namespace QLora.Models;

/// <summary>
/// Writes a model whose linear weights are in 4 bits as bitsandbytes and transformers store it, so that it loads without being quantised again: by this engine, and by any tool that
/// reads the format.
/// </summary>
public static class QuantizedModelWriter
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, IndentSize = 2 };

    /// <summary>Writes <c>model.safetensors</c> and <c>config.json</c>, each complete or not there. The tokenizer's files are the caller's.</summary>
    /// <param name="model">The model; adapters on it are not written.</param>
    /// <param name="folder">Made when it is not there.</param>
    /// <param name="dtype">The precision of what is not in 4 bits: Float32 or BFloat16.</param>
    /// <param name="progress">Told the share that is written, from 0 to 1.</param>
    /// <exception cref="QLoraException">No weight is in 4 bits, the folder cannot be written, or the config has no form in config.json.</exception>
    public static void Save(CausalLanguageModel model, string folder, DType dtype, IProgress<double>? progress = null)
    {
        if (dtype is not (DType.Float32 or DType.BFloat16)) throw new QLoraException($"what is not in 4 bits is written as float32 or bfloat16, not {dtype}");
        var quantized = model.Modules.OfType<Linear>().Select(linear => linear.Weight).OfType<QuantizedWeight>().FirstOrDefault()
            ?? throw new QLoraException("no weight of the model is in 4 bits; load it with quantization nf4 or fp4");
        var config = model.Config.ToJson();
        config["torch_dtype"] = Name(dtype);
        config["quantization_config"] = Describe(model, quantized, dtype);
        AtomicFile.CreateFolder(folder);
        var entries = Entries(model, dtype).ToList();
        var written = 0;
        SafetensorsWriter.Write(Path.Combine(folder, SafetensorsCheckpoint.SingleName), entries.Select(entry => entry with
        {
            Write = stream =>
            {
                entry.Write(stream);
                progress?.Report((double)++written / entries.Count);
            },
        }));
        AtomicFile.WriteText(Path.Combine(folder, "config.json"), config.ToJsonString(Indented) + "\n");
    }

    private static IEnumerable<SafetensorsEntry> Entries(CausalLanguageModel model, DType dtype)
    {
        var writer = new DenseWriter(model.Backend, dtype);
        foreach (var module in model.Modules)
        {
            foreach (var weight in module.Spec.Weights)
            {
                if (weight.Shape.Rank == 2 && module is Linear { Weight: QuantizedWeight { Tensor: var tensor } })
                {
                    foreach (var entry in BitsAndBytesEntries.Of(weight.Name, tensor, model.Backend, dtype)) yield return entry;
                }
                else
                {
                    yield return new SafetensorsEntry(weight.Name, dtype, weight.ShapeIn(WeightNaming.HuggingFace), stream => writer.Write(stream, module, weight));
                }
            }
        }
    }

    /// <summary><c>quantization_config</c>, as transformers writes it.</summary>
    private static JsonObject Describe(CausalLanguageModel model, QuantizedWeight weight, DType dtype) => new()
    {
        ["quant_method"] = "bitsandbytes",
        ["load_in_4bit"] = true,
        ["load_in_8bit"] = false,
        ["bnb_4bit_quant_type"] = BitsAndBytesEntries.TypeName(weight.Tensor.Type),
        ["bnb_4bit_use_double_quant"] = weight.Tensor.Nested is not null,
        ["bnb_4bit_compute_dtype"] = Name(dtype),
        ["bnb_4bit_quant_storage"] = "uint8",
        ["llm_int8_skip_modules"] = new JsonArray([.. model.Modules.OfType<Linear>().Where(linear => linear.Weight is not QuantizedWeight).Select(linear => (JsonNode)linear.Path)]),
    };

    private static string Name(DType dtype) => dtype.ToString().ToLowerInvariant();
}
