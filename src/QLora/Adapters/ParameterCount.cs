using System.Globalization;
using QLora.Models;

namespace QLora.Adapters;

/// <summary>How many parameters a model has and how many of them are trained, counted from declarations alone.</summary>
/// <param name="Trainable">Trained.</param>
/// <param name="All">Trained and frozen; a tied weight counts once.</param>
public readonly record struct ParameterCount(long Trainable, long All)
{
    /// <summary>The share that is trained, in percent.</summary>
    public double Percent => All == 0 ? 0 : 100.0 * Trainable / All;

    /// <summary>The count for a model, with an adapter when there is a config for one.</summary>
    public static ParameterCount Of(IReadOnlyList<ModuleSpec> modules, LoraConfig? lora = null)
    {
        var all = modules.SelectMany(module => module.Weights).Sum(weight => weight.Shape.Count);
        if (lora is null) return new ParameterCount(0, all);
        var trainable = lora.Validated().TargetModules.Match(modules).Sum(spec => (long)lora.Rank * (spec.In + spec.Out));
        return new ParameterCount(trainable, all + trainable);
    }

    /// <summary>PEFT's line: <c>trainable params: 4,194,304 || all params: 6,742,609,920 || trainable%: 0.0622</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"trainable params: {Trainable:N0} || all params: {All:N0} || trainable%: {Percent:F4}");
}
