using QLora.Checkpoints;
using QLora.Models;
using QLora.Tensors;
using QLora.Verification;

namespace QLora.Tests.Models;

/// <summary>GPT-2 as it is published: without <c>transformer.</c> before the names, and with the masks of its attention beside the weights.</summary>
public class PublishedGpt2Tests
{
    [Fact]
    public void It_loads_and_computes_what_was_recorded()
    {
        var source = TestData.Golden("models/gpt2");
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(source, "config.json"), folder["config.json"]);
        using (var weights = SafetensorsFile.Open(Path.Combine(source, "model.safetensors")))
        {
            var renamed = weights.Tensors.Select(entry => SafetensorsWriter.Entry(entry.Key["transformer.".Length..], entry.Value.Shape, weights.ReadFloats(entry.Key)));
            SafetensorsWriter.Write(folder["model.safetensors"], renamed.Append(SafetensorsWriter.Entry("h.0.attn.bias", new Shape(1, 1, 64, 64), new float[64 * 64])));
        }

        using var backend = TestBackends.Create("cpu-512");
        using var file = ModelFile.Open(folder.Path);
        using var model = file.Load(backend, QuantizationOptions.None);
        using var reference = ReferenceFile.Open(Path.Combine(source, "golden.safetensors"));
        var report = Verifier.Verify(model, reference, new VerificationOptions());
        Assert.Contains(report.Checks, check => check.Name == "logits");
        Assert.True(report.Passed);
    }
}
