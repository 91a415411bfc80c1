using QLora.Backends;
using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>SwiGlu and its backward.</summary>
public abstract class SwiGluTests(IReadOnlyList<Device> devices) : GatedTests(devices, nameof(Backend.SwiGlu), [-1e30f, -1e4f, -200, -89, -87, 0, 87, 89, 200, 1e4f, 1e30f])
{
    protected override void Forward(Backend backend, Tensor gate, Tensor up, Tensor y) => backend.SwiGlu(gate, up, y);

    protected override void Backward(Backend backend, Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) => backend.SwiGluBackward(gate, up, dy, dGate, dUp);
}
