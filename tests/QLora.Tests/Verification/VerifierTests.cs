using QLora.Checkpoints;
using QLora.Models;
using QLora.Tensors;
using QLora.Testing;
using QLora.Tests.Models;
using QLora.Tests.Training;
using QLora.Verification;

namespace QLora.Tests.Verification;

/// <summary>What the comparison finds, and what it refuses to compare. That it passes on every recorded model is shown by <see cref="LlamaGoldenTests"/>.</summary>
public class VerifierTests
{
    public static TheoryData<string> Adapters => ["plain", "rslora", "regex_target"];

    [Theory]
    [MemberData(nameof(Adapters))]
    public void A_reference_without_prefix_is_compared_with_the_adapter_throughout(string name)
    {
        using var backend = TestBackends.Create("cpu-128");
        using var golden = GoldenModel.Open("llama", "config.json", backend);
        var folder = TestData.Golden($"adapters/{name}");
        using var reference = ReferenceFile.Open(Path.Combine(folder, "golden.safetensors"));
        golden.Model.Adapters.Load(folder);
        var report = Verifier.Verify(golden.Model, reference);
        Assert.All(report.Checks, check => Assert.True(check.Passed, check.ToString()));
        Assert.Equal(["trainable_parameters", "logits", "loss"], report.Checks.Take(3).Select(check => check.Name));
        Assert.Equal(golden.Model.Adapters.Active!.Parameters.Select(parameter => "grad." + parameter.Name).Order(StringComparer.Ordinal), report.Checks.Skip(3).Select(check => check.Name));
    }

    [Fact]
    public void The_model_is_afterwards_as_it_was()
    {
        using var backend = TestBackends.Create("reference");
        using var golden = GoldenModel.Open("llama", "config.json", backend);
        golden.Model.Adapters.Load(Path.Combine(golden.Folder, "adapter"));
        var before = backend.Memory.InUse;
        Verifier.Verify(golden.Model, golden.Reference);
        Assert.Equal("default", golden.Model.Adapters.Active?.Name);
        Assert.Empty(golden.Model.TrainableParameters);
        Assert.InRange(backend.Memory.InUse, before, before + (1 << 16)); // the rotary table stays
    }

    [Fact]
    public void A_deviation_is_found_and_measured()
    {
        using var backend = TestBackends.Create("reference");
        using var golden = GoldenModel.Open("llama", "config.json", backend);
        using var folder = new TemporaryFolder();
        var logits = golden.Reference.Read("logits", new Shape(2, 24, 128));
        logits[5] += 0.5f;
        logits[^1] = float.NaN; // of a padded token, which means nothing
        using var changed = Write(folder, golden, SafetensorsWriter.Entry("logits", new Shape(2, 24, 128), logits));
        var check = Assert.Single(Verifier.Verify(golden.Model, changed).Checks);
        Assert.False(check.Passed);
        Assert.Equal(0.5, check.MaxAbsError, 1e-4);
        Assert.InRange(check.RelativeError, 1e-4, 0.01);
        Assert.True(Verifier.Verify(golden.Model, changed, new VerificationOptions { Tolerance = 0.01 }).Passed);
    }

    [Fact]
    public void Results_that_are_not_numbers_do_not_pass()
    {
        using var backend = TestBackends.Create("reference");
        using var golden = GoldenModel.Open("llama", "config.json", backend);
        golden.Model.Modules[0].Parameters.Single().Value.Span<float>().Fill(float.NaN);
        Assert.All(Verifier.Verify(golden.Model, golden.Reference).Checks, check => Assert.False(check.Passed));
    }

    [Fact]
    public void What_cannot_be_compared_is_an_error_that_says_why()
    {
        using var backend = TestBackends.Create("reference");
        using var golden = GoldenModel.Open("llama", "config.json", backend);
        using var folder = new TemporaryFolder();

        void Fails(string expected, params SafetensorsEntry[] entries)
        {
            var error = Assert.Throws<QLoraException>(() =>
            {
                using var reference = Write(folder, golden, entries);
                Verifier.Verify(golden.Model, reference);
            });
            Assert.Contains(expected, error.Message);
        }

        Fails("nothing to compare");
        Fails("logits has shape [2, 24, 64], expected [2, 24, 128]", SafetensorsWriter.Entry("logits", new Shape(2, 24, 64), new float[2 * 24 * 64]));
        Fails("hidden.1 has shape", SafetensorsWriter.Entry("hidden.1", new Shape(2, 24, 32), new float[2 * 24 * 32]));
        Fails("no label counts", SafetensorsWriter.Entry("loss", new Shape(1), [1f]));
        Fails("none is in use", SafetensorsWriter.Entry("grad.x", new Shape(1), [1f]));
        Fails("labels has shape", Integers("labels", new Shape(2, 23), new long[46]));
        Fails("holds 2, expected 0 to 1", Integers("attention_mask", new Shape(2, 24), [.. Enumerable.Repeat(2L, 48)]));
        Fails("holds -101", Integers("labels", new Shape(2, 24), [.. Enumerable.Repeat(-101L, 48)]));
        Assert.Contains("input_ids", Assert.Throws<QLoraException>(() => ReferenceFile.Open(Path.Combine(golden.Folder, "model.safetensors"))).Message);
    }

    /// <summary>A gradient of a parameter that the adapter does not have shows that the reference is of another adapter.</summary>
    [Fact]
    public void A_reference_of_another_adapter_is_an_error()
    {
        using var backend = TestBackends.Create("cpu-128");
        using var golden = GoldenModel.Open("llama", "config.json", backend);
        golden.Model.Adapters.Load(TestData.Golden("adapters/plain"));
        using var reference = ReferenceFile.Open(Path.Combine(TestData.Golden("adapters/regex_target"), "golden.safetensors"));
        Assert.Contains("the adapter does not have", Assert.Throws<QLoraException>(() => Verifier.Verify(golden.Model, reference)).Message);
        Assert.Empty(golden.Model.TrainableParameters);
    }

    private static ReferenceFile Write(TemporaryFolder folder, GoldenModel golden, params SafetensorsEntry[] entries)
    {
        var path = Path.Combine(folder.Path, "reference.safetensors");
        var names = entries.Select(entry => entry.Name).ToList();
        SafetensorsWriter.Write(path,
        [
            Integers("input_ids", new Shape(2, 24), golden.Reference.ReadIntegers("input_ids")),
            .. names.Contains("attention_mask") ? Array.Empty<SafetensorsEntry>() : [Integers("attention_mask", new Shape(2, 24), golden.Reference.ReadIntegers("attention_mask"))],
            .. entries,
        ]);
        return ReferenceFile.Open(path);
    }

    private static SafetensorsEntry Integers(string name, Shape shape, long[] values)
        => new(name, DType.Int64, shape, stream => stream.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes<long>(values)));
}
