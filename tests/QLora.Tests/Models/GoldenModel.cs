using QLora.Autograd;
using QLora.Backends;
using QLora.Checkpoints;
using QLora.Models;
using QLora.Tensors;
using QLora.Testing;

namespace QLora.Tests.Models;

/// <summary>A recorded model beside the same one in this engine.</summary>
public sealed class GoldenModel : IDisposable
{
    private GoldenModel(SafetensorsFile golden, CausalLanguageModel model, string folder)
    {
        (Golden, Model, Folder) = (golden, model, folder);
        Ids = golden.ReadIntegers("input_ids");
        Mask = golden.ReadIntegers("attention_mask");
        Length = golden.Tensors["input_ids"].Shape[1];
        Batch = TokenBatch.FromPadded(Ids, Mask, golden.ReadIntegers("labels"), Length);
    }

    public SafetensorsFile Golden { get; }

    public CausalLanguageModel Model { get; }

    public string Folder { get; }

    public long[] Ids { get; }

    public long[] Mask { get; }

    public int Length { get; }

    public TokenBatch Batch { get; }

    /// <summary>Opens a recorded model, with the config of transformers 4 or 5.</summary>
    public static GoldenModel Open(string name, string configName, Backend backend)
    {
        var folder = TestData.Golden($"models/{name}");
        using var scratch = configName == "config.json" ? null : new FolderWithConfig(folder, configName);
        using var file = ModelFile.Open(scratch?.Path ?? folder);
        return new GoldenModel(SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors")), RecordedBuilder.Load(file, backend, QuantizationOptions.None), folder);
    }

    /// <summary>The recorded rows of tokens that are not padding.</summary>
    public float[] RecordedRows(string tensor)
    {
        var all = Golden.ReadFloats(tensor);
        var columns = all.Length / Mask.Length;
        return [.. Enumerable.Range(0, Mask.Length).Where(row => Mask[row] == 1).SelectMany(row => all[(row * columns)..((row + 1) * columns)])];
    }

    /// <summary>The logits of every token, the hidden states before every block and after the last norm.</summary>
    public (float[] Logits, List<float[]> Hidden) Run()
    {
        var hidden = new List<float[]>();
        using var context = new ForwardContext(Model, Batch) { BlockReached = (_, x) => hidden.Add(ToHost(x)) };
        var last = Model.Forward(context);
        hidden.Add(ToHost(last.Value));
        return (ToHost(Model.LmHead.Forward(last, context).Value), hidden);
    }

    /// <summary>The loss, and gradients of everything trainable.</summary>
    public double LossAndGradients(bool checkpoint)
    {
        using var context = new ForwardContext(Model, Batch, new ForwardOptions(Record: true, checkpoint));
        var loss = context.CrossEntropySum(Model.Forward(context), Model.LmHead, 1f / Batch.Targets.Length) / Batch.Targets.Length;
        context.Backward();
        return loss;
    }

    public float[] ToHost(Tensor tensor)
    {
        var values = new float[tensor.Count];
        Model.Backend.CopyToHost(tensor, values.AsSpan());
        return values;
    }

    public void Dispose()
    {
        Model.Dispose();
        Golden.Dispose();
    }

    /// <summary>The model's folder as links, with another config under the usual name.</summary>
    private sealed class FolderWithConfig : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qlora-");

        public FolderWithConfig(string folder, string configName)
        {
            foreach (var file in Directory.EnumerateFiles(folder, "model*")) File.CreateSymbolicLink(System.IO.Path.Combine(Path, System.IO.Path.GetFileName(file)), file);
            File.Copy(System.IO.Path.Combine(folder, configName), System.IO.Path.Combine(Path, "config.json"));
        }

        public string Path => _folder.FullName;

        public void Dispose() => _folder.Delete(recursive: true);
    }
}
