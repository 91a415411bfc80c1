using QLora.Backends;

namespace QLora.EndToEnd.Tests.Cli;

public class DevicesCommandTests
{
    [Fact]
    public void Json_names_every_device_that_can_be_opened()
    {
        var json = Qlora.Run("devices", "--json").Succeeded().Json;
        Assert.Equal("cpu", json.GetProperty("default").GetString());
        var names = json.GetProperty("devices").EnumerateArray().Select(device => device.GetProperty("name").GetString()!).ToList();
        Assert.Equal(["cpu", "reference"], names);
        foreach (var name in names)
        {
            using var backend = Devices.Open(name, threads: 1);
            Assert.Equal(name, backend.Name);
        }
    }

    [Fact]
    public void People_get_a_table()
    {
        var lines = Qlora.Run("devices").Succeeded().Output.TrimEnd().Split('\n');
        Assert.StartsWith("device ", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("cpu (auto) ", lines[1], StringComparison.Ordinal);
        Assert.StartsWith("reference ", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public void Auto_is_the_processor()
    {
        using var backend = Devices.Open("auto");
        Assert.Equal("cpu", backend.Name);
    }

    [Fact]
    public void An_unknown_device_is_an_error_that_lists_what_there_is()
    {
        Assert.Contains("there are auto, cpu, reference", Assert.Throws<QLoraException>(() => Devices.Open("cuda:0")).Message, StringComparison.Ordinal);
        Assert.Contains("one thread", Assert.Throws<QLoraException>(() => Devices.Open("reference", threads: 2)).Message, StringComparison.Ordinal);
        Assert.Contains("--threads", Assert.Throws<QLoraException>(() => Devices.Open("cpu", threads: 0)).Message, StringComparison.Ordinal);
    }
}
