using QLora.Backends;

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
