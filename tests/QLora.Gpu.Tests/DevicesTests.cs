using QLora.Backends;
using QLora.Gpu;

namespace QLora.Tests.Backends.Gpu;

public class DevicesTests
{
    [Fact]
    public void The_suite_runs_on_an_OpenCL_device_too()
    {
        if (GpuDevices.List().Any(device => device.Name == "opencl:0")) return;
        const string Missing = "no OpenCL device was found; the packages pocl-opencl-icd and ocl-icd-opencl-dev bring one";
        if (Environment.GetEnvironmentVariable("QLORA_REQUIRE_SHARED") is not null) Assert.Fail(Missing);
        Assert.Skip(Missing);
    }

    [Fact]
    public void Every_device_that_is_listed_opens_under_its_name()
    {
        foreach (var info in GpuDevices.List())
        {
            using var backend = GpuBackend.Open(info.Name);
            Assert.Equal(info.Name, backend.Name);
            Assert.True(GpuDevices.IsName(info.Name));
            Assert.True(info.MemoryBytes > 0);
        }
    }

    [Theory]
    [InlineData("cuda:99", "no device cuda:99")]
    [InlineData("opencl:99", "no device opencl:99")]
    [InlineData("cuda:x", "is no device")]
    [InlineData("vulkan:0", "is no device")]
    public void A_device_that_is_not_there_is_an_error_that_says_what_to_do(string name, string message) =>
        Assert.Contains(message, Assert.Throws<QLoraException>(() => GpuBackend.Open(name)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_budget_is_kept_and_the_backend_goes_on_after_it_is_exceeded()
    {
        using var backend = GpuBackend.Open(GpuDevices.Emulation, memoryBudget: 1 << 20);
        using var kept = backend.AllocateBuffer(600_000);
        backend.AllocateBuffer(300_000).Dispose(); // idle from here on
        var error = Assert.Throws<DeviceMemoryException>(() => backend.AllocateBuffer(600_000));
        Assert.Contains("out of memory", error.Message, StringComparison.Ordinal);
        backend.AllocateBuffer(350_000).Dispose(); // what lay idle made room
        Assert.InRange(backend.Memory.Resident, 600_000, 1 << 20);
    }
}
