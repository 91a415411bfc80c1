using QLora.Adapters;
using QLora.Models;
using QLora.Tensors;
using QLora.Testing;
using QLora.Text;

namespace QLora.Tests.SmolLm2;

/// <summary>The real model in 4 bits with a trained adapter, merged: a Hugging Face folder with everything in it.</summary>
public class MergeTests
{
    // bfloat16 keeps eight bits of each weight; thirty layers carry that on into the log-probabilities of a text.
    private const double BFloat16Tolerance = 1e-2;

    [Fact]
    public void A_merged_model_is_a_folder_that_predicts_as_the_adapter_does()
    {
        var folder = Directory.CreateTempSubdirectory("qlora-");
        try
        {
            using var real = RealModel.Load("nf4_double");
            var (tokenizer, template) = (Tokenizer.Load(real.File), ChatTemplates.Load(real.File));
            real.Model.Adapters.Load(TestData.Golden("smollm2/train_final"));
            var (expected, _) = PredictionTests.Predict(real.Model, real.Text);
            var report = ModelMerger.Save(real.Model, folder.FullName, DType.BFloat16);
            tokenizer.Save(folder.FullName, template);
            TestContext.Current.SendDiagnosticMessage("{0}", report);
            Assert.Equal(60, report.MergedLayers);
            Assert.InRange(report.RoundingShare, 1e-4, 1.0 / 512);

            using var file = ModelFile.Open(folder.FullName);
            Assert.Equal(real.File.Config with { EosTokenIds = file.Config.EosTokenIds }, file.Config);
            Assert.Equal(real.File.Config.EosTokenIds, file.Config.EosTokenIds);
            using var merged = file.Load(real.Backend, QuantizationOptions.None);
            PredictionTests.Close(expected, PredictionTests.Predict(merged, real.Text).LogProbabilities, BFloat16Tolerance);

            const string Text = "Turn the lamp in the attic off at 5 pm.<|im_end|>\n";
            Assert.Equal(tokenizer.Encode(Text, addSpecialTokens: true).Ids, Tokenizer.Load(file).Encode(Text, addSpecialTokens: true).Ids);
            Assert.Equal(template!.Source, ChatTemplates.Load(file)!.Source);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
