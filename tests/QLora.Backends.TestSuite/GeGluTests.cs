using QLora.Backends;
using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>GeGlu and its backward.</summary>
public abstract class GeGluTests(IReadOnlyList<Device> devices) : GatedTests(devices, nameof(Backend.GeGlu), [-1e30f, -1e4f, -200, -10.5f, -10, 0, 10, 10.5f, 200, 1e4f, 1e30f])
{
    protected override void Forward(Backend backend, Tensor gate, Tensor up, Tensor y) => backend.GeGlu(gate, up, y);

    protected override void Backward(Backend backend, Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) => backend.GeGluBackward(gate, up, dy, dGate, dUp);
}
