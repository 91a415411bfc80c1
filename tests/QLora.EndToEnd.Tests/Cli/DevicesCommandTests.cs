using System.Runtime.InteropServices;
using QLora.Backends;
using QLora.Gpu;
using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

public class DevicesCommandTests
{
    [Fact]
    public void Json_names_every_device_that_can_be_opened()
    {
        var json = Qlora.Run("devices", "--json").Succeeded().Json;
        var fastest = json.GetProperty("default").GetString();
        var names = json.GetProperty("devices").EnumerateArray().Select(device => device.GetProperty("name").GetString()!).ToList();
        Assert.Equal(names[0], fastest);
        foreach (var name in new[] { "cpu", "reference", "ilgpu-cpu" }) Assert.Contains(name, names);
        foreach (var name in names)
        {
            using var backend = Devices.Open(name);
            Assert.Equal(name, backend.Name);
            Assert.Equal(name, Devices.Describe(backend).Name);
        }
    }

    [Fact]
    public void People_get_a_table()
    {
        var lines = Qlora.Run("devices").Succeeded().Output.TrimEnd().Split('\n');
        Assert.StartsWith("device ", lines[0], StringComparison.Ordinal);
        Assert.Contains(" (auto) ", lines[1], StringComparison.Ordinal);
        Assert.Contains(lines, line => line.StartsWith("reference ", StringComparison.Ordinal));
    }

    /// <summary>A library with the name of a driver's that is none.</summary>
    [Fact]
    public void A_driver_that_does_not_work_is_told_of_beside_the_devices_that_do()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the name of the library is that on Linux");
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "libSystem.Native.so"), folder["libcuda.so"]);
        var json = Run("--json").Json;
        Assert.Contains(json.GetProperty("devices").EnumerateArray(), device => device.GetProperty("name").GetString() == "cpu");
        var unusable = json.GetProperty("unusable").EnumerateArray().Single(device => device.GetProperty("name").GetString() == "cuda");
        foreach (var words in new[] { "cuInit", "nvidia-smi must list the GPU" }) Assert.Contains(words, unusable.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Contains(Run().Output.Split('\n'), line => line.StartsWith("cuda ", StringComparison.Ordinal) && line.Contains("not usable: ", StringComparison.Ordinal));

        Outcome Run(params string[] options)
        {
            var info = Qlora.ProcessInfo(["devices", .. options]);
            info.Environment["LD_LIBRARY_PATH"] = folder.Path;
            return Qlora.RunProcess(info).Succeeded();
        }
    }

    [Fact]
    public void Auto_goes_on_to_the_next_device_where_one_cannot_be_opened()
    {
        var broken = new[] { "cuda:0", "cuda:1" };
        Assert.Equal("opencl:0", Devices.FirstUsable([.. broken, "opencl:0"], Try));
        Assert.Equal("cpu", Devices.FirstUsable(broken, Try));

        UnusableDevice? Try(string name) => broken.Contains(name) ? new UnusableDevice(name, "its driver is too old") : null;
    }

    [Fact]
    public void Auto_is_the_first_of_them()
    {
        using var backend = Devices.Open(Devices.Auto);
        Assert.Equal(Devices.List()[0].Name, backend.Name);
    }

    [Fact]
    public void An_unknown_device_is_an_error_that_lists_what_there_is()
    {
        Assert.Contains("there are auto, cpu, reference, cuda:N", Assert.Throws<QLoraException>(() => Devices.Open("gpu")).Message, StringComparison.Ordinal);
        Assert.Contains("no device cuda:99", Assert.Throws<QLoraException>(() => Devices.Open("cuda:99")).Message, StringComparison.Ordinal);
        Assert.Contains("leave --threads out", Assert.Throws<QLoraException>(() => Devices.Open("cuda:0", threads: 2)).Message, StringComparison.Ordinal);
        Assert.Contains("one thread", Assert.Throws<QLoraException>(() => Devices.Open("reference", threads: 2)).Message, StringComparison.Ordinal);
        Assert.Contains("--threads", Assert.Throws<QLoraException>(() => Devices.Open("cpu", threads: 0)).Message, StringComparison.Ordinal);
    }
}
