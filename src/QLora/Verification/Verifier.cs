using QLora.Adapters;
using QLora.Autograd;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Verification;

/// <summary>Runs a model on a recorded input and compares what it computes with what was recorded.</summary>
public sealed class Verifier
{
    private const string AdapterPrefix = "lora.";
    private const int LogitsChunkBytes = 32 << 20;

    private readonly CausalLanguageModel _model;
    private readonly ReferenceFile _reference;
    private readonly VerificationOptions _options;
    private readonly List<VerificationCheck> _checks = [];

    private Verifier(CausalLanguageModel model, ReferenceFile reference, VerificationOptions options) => (_model, _reference, _options) = (model, reference, options);

    /// <summary>
    /// Compares. With an adapter in use, the tensors under <c>lora.</c> are compared with it and the others without it; a reference that has none under this prefix was
    /// recorded with the adapter throughout. The model is afterwards as it was; gradients that an adapter in training had gathered are lost.
    /// </summary>
    /// <param name="model">The model, with the adapter in use if the reference was recorded with one.</param>
    /// <param name="reference">The recorded input and results.</param>
    /// <param name="options">Tolerances; the usual ones when null.</param>
    /// <exception cref="QLoraException">The reference was recorded with another model or adapter, or holds nothing to compare.</exception>
    public static VerificationReport Verify(CausalLanguageModel model, ReferenceFile reference, VerificationOptions? options = null)
    {
        var verifier = new Verifier(model, reference, options ?? new VerificationOptions());
        var adapter = model.Adapters.Active;
        var hasPrefix = reference.Names.Any(name => name.StartsWith(AdapterPrefix, StringComparison.Ordinal));
        if (adapter is null && verifier.Gradients("").Count > 0) throw new QLoraException($"{reference.Path}: the reference has gradients of an adapter, but none is in use; add --adapter");
        if (adapter is null || hasPrefix) verifier.WithAdapter(null, () => verifier.ComparePass(""));
        if (adapter is not null) verifier.CompareAdapter(adapter, hasPrefix ? AdapterPrefix : "");
        if (verifier._checks.Count == 0) throw new QLoraException($"{reference.Path}: there is nothing to compare; expected logits, loss with labels, hidden.N or gradients");
        return new VerificationReport(verifier._checks);
    }

    private void WithAdapter(string? name, Action action)
    {
        var active = _model.Adapters.Active?.Name;
        _model.Adapters.Use(name);
        try
        {
            action();
        }
        finally
        {
            _model.Adapters.Use(active);
        }
    }

    private void CompareAdapter(LoraAdapter adapter, string prefix)
    {
        CompareCount(prefix + "trainable_parameters", _model.ParameterCount.Trainable);
        CompareCount(prefix + "all_parameters", _model.ParameterCount.All);
        ComparePass(prefix);
        var recorded = Gradients(prefix);
        if (recorded.Count == 0) return;
        var frozen = adapter.Parameters.Where(parameter => !parameter.IsTrainable).ToList();
        _model.Adapters.Train();
        try
        {
            ClearGradients(adapter);
            CompareGradients(adapter.Parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal), prefix, recorded);
        }
        finally
        {
            ClearGradients(adapter);
            foreach (var parameter in frozen) parameter.Freeze();
        }
    }

    private void ClearGradients(LoraAdapter adapter)
    {
        foreach (var parameter in adapter.Parameters) _model.Backend.Clear(parameter.Gradient!.Value);
    }

    /// <summary>Hidden states, logits and loss of a pass without gradients.</summary>
    private void ComparePass(string prefix)
    {
        var blocks = _model.Config.NumHiddenLayers;
        var hasLoss = _reference.Has(prefix + "loss");
        if (hasLoss && _reference.Batch.Targets.Length == 0) throw new QLoraException($"{_reference.Path}: {prefix}loss is recorded, but no label counts");
        using var context = new ForwardContext(_model, _reference.Batch) { BlockReached = (block, x) => CompareHidden(prefix, block, x) };
        var hidden = _model.Forward(context);
        CompareHidden(prefix, blocks, hidden.Value);
        if (_reference.Has(prefix + "logits")) CompareLogits(prefix + "logits", hidden, context);
        if (hasLoss) CompareLoss(prefix + "loss", context.CrossEntropySum(hidden, _model.LmHead));
    }

    private void CompareHidden(string prefix, int index, Tensor x)
    {
        var name = $"{prefix}hidden.{index}";
        if (!_reference.Has(name)) return;
        _reference.CheckRows(name, x.Columns);
        var errors = new ErrorMeter();
        using var widened = _model.Backend.ToFloat32(x);
        CompareRows(name, widened, 0, errors);
        Add(name, errors, _options.Tolerance);
    }

    /// <summary>Some rows at a time: the logits of a long batch with a large vocabulary would be larger than the model.</summary>
    private void CompareLogits(string name, Activation hidden, ForwardContext context)
    {
        _reference.CheckRows(name, _model.Config.VocabSize);
        var errors = new ErrorMeter();
        var chunk = Math.Max(1, LogitsChunkBytes / (sizeof(float) * _model.Config.VocabSize));
        for (var start = 0; start < hidden.Shape.Rows; start += chunk)
        {
            var rows = context.Rows(hidden, start, Math.Min(chunk, hidden.Shape.Rows - start));
            var logits = context.Logits(rows, _model.LmHead);
            CompareRows(name, logits.Value, start, errors);
            context.Disown(logits);
            logits.ReleaseValue();
        }

        Add(name, errors, _options.Tolerance);
    }

    private void CompareRows(string name, Tensor actual, int firstToken, ErrorMeter errors)
    {
        var recorded = new float[actual.Columns];
        var values = new float[actual.Columns];
        for (var row = 0; row < actual.Rows; row++)
        {
            _reference.ReadRow(name, firstToken + row, recorded);
            _model.Backend.CopyToHost(actual.Slice(row, 1), values.AsSpan());
            errors.Add(recorded, values);
        }
    }

    private void CompareLoss(string name, double sum)
    {
        var errors = new ErrorMeter();
        errors.Add(_reference.Read(name, new Shape(1))[0], sum / _reference.Batch.Targets.Length);
        Add(name, errors, _options.Tolerance);
    }

    private void CompareCount(string name, long actual)
    {
        if (!_reference.Has(name)) return;
        var errors = new ErrorMeter();
        errors.Add(_reference.ReadIntegers(name)[0], actual);
        Add(name, errors, tolerance: 0);
    }

    private void CompareGradients(Dictionary<string, Parameter> parameters, string prefix, IReadOnlyList<string> recorded)
    {
        if (_reference.Batch.Targets.Length == 0) throw new QLoraException($"{_reference.Path}: gradients are recorded, but no label counts");
        using var context = new ForwardContext(_model, _reference.Batch, new ForwardOptions(Record: true, _options.GradientCheckpointing));
        context.CrossEntropySum(_model.Forward(context), _model.LmHead, 1f / _reference.Batch.Targets.Length);
        context.Backward();
        foreach (var name in recorded)
        {
            if (!parameters.TryGetValue(name[(prefix + "grad.").Length..], out var parameter)) throw new QLoraException($"{_reference.Path}: {name} is of a parameter that the adapter does not have");
            var gradient = parameter.Gradient!.Value;
            var values = new float[gradient.Count];
            _model.Backend.CopyToHost(gradient, values.AsSpan());
            var errors = new ErrorMeter();
            errors.Add(_reference.Read(name, gradient.Shape), values);
            Add(name, errors, _options.GradientTolerance);
        }
    }

    private List<string> Gradients(string prefix) => [.. _reference.Names.Where(name => name.StartsWith(prefix + "grad.", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private void Add(string name, ErrorMeter errors, double tolerance)
        => _checks.Add(new VerificationCheck(name, errors.MaxAbsolute, errors.Relative, errors.Relative <= tolerance));
}
