using ILGPU;
using ILGPU.Runtime.OpenCL;
using QLora.Gpu;

namespace QLora.Tests.Backends.Gpu;

/// <summary>Drivers that do not work: they are told of with what to do, and keep no other device from being found.</summary>
public class DriverTests
{
    private const string Advice = "this is what to do";

    /// <summary>What .NET and ILGPU throw where a driver's library is missing, of another kind or too old, where it refuses, and where it is set up twice (WSL).</summary>
    public static TheoryData<Exception> Failures =>
    [
        new DllNotFoundException("no library"), new EntryPointNotFoundException("no entry point"), new BadImageFormatException("no image"), new CLException(CLError.CL_DEVICE_NOT_FOUND),
        new TypeInitializationException("CudaAPI", new DllNotFoundException("no library")), new NotSupportedException("no instruction set"), new InvalidOperationException("a second resolver"),
    ];

    [Theory, MemberData(nameof(Failures))]
    public void One_that_fails_is_listed_with_the_reason_and_others_are_found(Exception failure)
    {
        var devices = GpuDevices.List([new Driver(failure), new Driver("broken"), new Driver((string?)null)], out var unusable);
        Assert.Equal(GpuDevices.Emulation, Assert.Single(devices).Name);
        Assert.Equal(2, unusable.Count);
        Assert.All(unusable, driver => Assert.Equal("test", driver.Name));
        Assert.Equal($"{DriverFailure.Describe(failure)}; {Advice}", unusable[0].Reason);
        Assert.Equal($"broken; {Advice}", unusable[1].Reason);
    }

    [Theory, MemberData(nameof(Failures))]
    public void One_that_fails_is_an_error_that_says_what_to_do_when_it_is_opened(Exception failure)
    {
        var error = Assert.Throws<QLoraException>(() => GpuDevices.Open(new Driver(failure), "test:0", 0));
        Assert.StartsWith($"device test:0 cannot be used: {DriverFailure.Describe(failure)};", error.Message, StringComparison.Ordinal);
        Assert.EndsWith(Advice, error.Message, StringComparison.Ordinal);
        Assert.Same(failure, error.InnerException);
    }

    [Theory]
    [InlineData("broken", "broken; " + Advice)]
    [InlineData(null, "there is none; " + Advice)]
    public void One_without_devices_is_an_error_that_says_why_and_what_to_do(string? complaint, string message) =>
        Assert.Equal($"there is no device test:0: {message}", Assert.Throws<QLoraException>(() => GpuDevices.Open(new Driver(complaint), "test:0", 0)).Message);

    /// <summary>A mistake of this program is not blamed on a driver.</summary>
    [Fact]
    public void What_no_driver_throws_is_not_caught() => Assert.Throws<ArgumentNullException>(() => GpuDevices.List([new Driver(new ArgumentNullException("name"))], out _));

    private sealed class Driver : DeviceDriver
    {
        private readonly Exception? _failure;
        private readonly string? _complaint;

        public Driver(Exception failure) : base("test") => _failure = failure;

        public Driver(string? complaint) : base("test") => _complaint = complaint;

        public override string Missing => "there is none";

        public override string Advice => DriverTests.Advice;

        public override IReadOnlyList<ILGPU.Runtime.Device> DevicesOf(Context context) => [];

        public override GpuDeviceKind KindOf(ILGPU.Runtime.Device device) => GpuDeviceKind.OpenClGpu;

        public override string? Complaint() => _complaint;

        protected override void AddDevices(Context.Builder builder)
        {
            if (_failure is not null) throw _failure;
        }
    }
}
