using QLora.Backends;
using QLora.Models;
using QLora.Testing;
using QLora.Verification;

namespace QLora.Tests.Models;

/// <summary>A recorded model beside the same one in this engine.</summary>
public sealed class GoldenModel : IDisposable
{
    private GoldenModel(ReferenceFile reference, CausalLanguageModel model, string folder) => (Reference, Model, Folder) = (reference, model, folder);

    public ReferenceFile Reference { get; }

    public CausalLanguageModel Model { get; }

    public string Folder { get; }

    /// <summary>The tokens of the first sequence.</summary>
    public int[] Ids => Reference.Batch.Ids[..Reference.Batch.Segments[0].QueryCount];

    /// <summary>Opens a recorded model, with the config of transformers 4 or 5.</summary>
    public static GoldenModel Open(string name, string configName, Backend backend)
    {
        var folder = TestData.Golden($"models/{name}");
        using var scratch = configName == "config.json" ? null : new FolderWithConfig(folder, configName);
        using var file = ModelFile.Open(scratch?.Path ?? folder);
        return new GoldenModel(ReferenceFile.Open(Path.Combine(folder, "golden.safetensors")), RecordedBuilder.Load(file, backend, QuantizationOptions.None), folder);
    }

    public void Dispose()
    {
        Model.Dispose();
        Reference.Dispose();
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
