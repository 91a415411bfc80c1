using System.Reflection;
using QLora.Gpu.Kernels;

namespace QLora.Tests.Backends.Gpu;

/// <summary>Every kernel with the types that it is launched with, all activations of one type.</summary>
internal static class PtxKernels
{
    private static readonly Type[] Elements = [typeof(F32), typeof(BF16)];
    private static readonly Type[] Fours = [typeof(FourF32), typeof(FourBF16)];

    private static readonly Type[] Gates = [typeof(SiluGate), typeof(GeluGate)];
    private static readonly Type[] Sides = [typeof(KeySide), typeof(ValueSide)];

    private static readonly Type[] Runs =
    [
        typeof(SingleRuns), typeof(RoundedRuns), typeof(LooseRuns<DenseReader<F16>>), typeof(LooseRuns<Q8Reader>), typeof(QuantizedRuns<PlainScales>), typeof(QuantizedRuns<NestedScales>),
    ];

    private static readonly Type[] Readers =
        [typeof(DenseReader<F32>), typeof(DenseReader<BF16>), typeof(DenseReader<F16>), typeof(Q8Reader), typeof(QuantizedReader<PlainScales>), typeof(QuantizedReader<NestedScales>)];

    public static IEnumerable<MethodInfo> All() =>
        from type in typeof(F32).Assembly.GetTypes()
        where type.Namespace == typeof(F32).Namespace && type.Name.EndsWith("Kernels", StringComparison.Ordinal)
        from method in type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
        from kernel in Closed(method)
        select kernel;

    /// <summary>The product on tensor cores.</summary>
    /// <param name="right">What reads the right operand.</param>
    /// <param name="order">How its elements follow each other.</param>
    /// <param name="result">Four elements of the result.</param>
    public static MethodInfo TensorMatMul(Type right, Type order, Type result) =>
        typeof(TensorMatMulKernels).GetMethod(nameof(TensorMatMulKernels.MatMul))!.MakeGenericMethod(right, RunOf(right), order, result);

    /// <summary>A kernel and the types that it is closed with, as a file may be called.</summary>
    public static string NameOf(MethodInfo method) =>
        string.Join('-', method.GetGenericArguments().SelectMany(Names).Prepend($"{method.DeclaringType!.Name.Replace("Kernels", "", StringComparison.Ordinal)}.{method.Name}"));

    private static IEnumerable<string> Names(Type type) => type.GetGenericArguments().SelectMany(Names).Prepend(type.Name.Split('`')[0]);

    private static IEnumerable<MethodInfo> Closed(MethodInfo method)
    {
        if (!method.IsGenericMethod) return [method];
        if (method.DeclaringType == typeof(TensorMatMulKernels)) return TensorMatMuls();
        if (method.Name == nameof(MatMulKernels.MatMul)) return MatMuls(method);
        if (method.Name == nameof(QuantizeKernels.DequantizeRuns)) return Dequantizations(method);
        if (method.Name == nameof(SumKernels.Sum))
        {
            return [method.MakeGenericMethod(typeof(F32), typeof(Itself)), method.MakeGenericMethod(typeof(F32), typeof(Squared)), method.MakeGenericMethod(typeof(BF16), typeof(Squared))];
        }

        if (method.DeclaringType == typeof(GatedKernels)) return WithElements(Gates);
        if (method.Name == nameof(AttentionBackwardKernels.KeyOrValueGradient)) return WithElements(Sides);
        var parameters = method.GetGenericArguments();
        var readers = parameters.Any(IsReader) ? Readers : [typeof(void)];
        return
            from element in parameters.All(IsReader) ? [typeof(void)] : Elements
            from reader in readers
            select method.MakeGenericMethod(Array.ConvertAll(parameters, parameter => IsReader(parameter) ? reader : element));

        IEnumerable<MethodInfo> WithElements(Type[] others) => Elements.SelectMany(_ => others, (element, other) => method.MakeGenericMethod(element, other));
    }

    private static IEnumerable<MethodInfo> MatMuls(MethodInfo method) =>
        from element in Elements
        let whole = element == typeof(F32) ? typeof(SingleRuns) : typeof(RoundedRuns)
        let loose = typeof(LooseRuns<>).MakeGenericType(typeof(DenseReader<>).MakeGenericType(element))
        from pair in Runs.Select(right => (Left: whole, Right: right)).Concat(Readers.Select(reader => (Left: loose, Right: typeof(LooseRuns<>).MakeGenericType(reader))))
        select method.MakeGenericMethod(pair.Left, RunOf(pair.Left), pair.Right, RunOf(pair.Right), element);

    private static IEnumerable<MethodInfo> TensorMatMuls() =>
        from right in Runs
        from order in new[] { typeof(TensorTile.AlongInner), typeof(TensorTile.AcrossInner) }
        from result in Fours
        select TensorMatMul(right, order, result);

    private static IEnumerable<MethodInfo> Dequantizations(MethodInfo method) =>
        from scales in new[] { typeof(PlainScales), typeof(NestedScales) }
        from result in Fours
        select method.MakeGenericMethod(scales, result);

    private static Type RunOf(Type reader) =>
        reader.GetInterfaces().Single(of => of.IsGenericType && of.GetGenericTypeDefinition() == typeof(IRunReader<,>)).GetGenericArguments()[1];

    private static bool IsReader(Type parameter) => parameter.GetGenericParameterConstraints().Contains(typeof(IWeightReader));
}
