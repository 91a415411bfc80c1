using QLora.Backends;
using QLora.Gpu.Kernels;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    private readonly Dictionary<DynamicMap, MapTables> _maps = [];

    /// <inheritdoc/>
    protected override void AdamW8BitCore(Tensor parameter, Tensor gradient, QuantizedMoment firstMoment, QuantizedMoment secondMoment, AdamWStep step) => Launch(
        AdamWKernels.AdamW8Bit, Rows(QuantizedMoment.BlockCount(parameter.Count)), View<float>(parameter), View<float>(gradient),
        Codes(firstMoment, DynamicMap.Signed), Codes(secondMoment, DynamicMap.Unsigned), AdamWFactors.Of(step));

    private DynamicCodes Codes(QuantizedMoment moment, DynamicMap map)
    {
        var tables = Tables(map);
        return new DynamicCodes(Bytes(moment.Codes), View<float>(moment.AbsMax), View<float>(tables.Values), View<float>(tables.Borders));
    }

    private MapTables Tables(DynamicMap map)
    {
        if (_maps.TryGetValue(map, out var tables)) return tables;
        var shape = new Shape(map.Values.Length);
        return _maps[map] = new MapTables(Upload(shape, DType.Float32, map.Values), Upload<float>(shape, DType.Float32, map.Borders));
    }

    /// <summary>An 8-bit code on the device.</summary>
    private readonly record struct MapTables(Tensor Values, Tensor Borders) : IDisposable
    {
        public void Dispose()
        {
            Values.Dispose();
            Borders.Dispose();
        }
    }
}
