using System.Reflection;
using QLora.Backends;
using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

/// <summary>That the suite forgets no op: each of the contract that can be differentiated has a test of its gradients against differences.</summary>
public class GradientTests
{
    // They move, decode or sum up numbers, or change parameters; Projections is what passes without gradients run instead of MatMul4Bit.
    private static readonly string[] WithoutGradients = ["AdamW", "AdamW8Bit", "Clear", "Copy", "Dequantize", "Fetch", "Offload", "Projections", "Sum", "SumOfSquares"];

    public static TheoryData<string> Ops => [.. AllOps().Except(WithoutGradients)];

    [Theory, MemberData(nameof(Ops))]
    public void Gradients_are_tested_of(string op) =>
        Assert.True(Tests().Any(test => test.Name.StartsWith("Gradients", StringComparison.Ordinal) && (test.ReflectedType!.Name == op || test.Name == $"Gradients_of_{op}")),
            $"no test compares the gradients of {op} with differences: {op}Tests needs one whose name begins with Gradients");

    [Fact]
    public void What_needs_no_gradients_is_still_there() => Assert.Empty(WithoutGradients.Except(AllOps()));

    /// <summary>What computes with tensors and leaves the result in one; a backward is part of its op.</summary>
    private static IEnumerable<string> AllOps() =>
        from method in typeof(Backend).GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
        where method.ReturnType == typeof(void) && method.GetParameters().Any(parameter => parameter.ParameterType == typeof(Tensor))
        where !method.IsGenericMethod && !method.Name.EndsWith("Backward", StringComparison.Ordinal)
        select method.Name;

    private static IEnumerable<MethodInfo> Tests() =>
        from type in typeof(GradientTests).Assembly.GetTypes()
        where type.IsSubclassOf(typeof(OpTests)) && !type.IsAbstract
        from method in type.GetMethods()
        select method;
}
