using System.Globalization;
using System.Text.Json.Nodes;
using QLora.Backends;
using QLora.Cli.Frame;
using QLora.Cpu;
using QLora.Gpu;

namespace QLora.Cli.Commands;

/// <summary><c>qlora devices</c>: what there is to run on.</summary>
internal sealed class DevicesCommand() : CliCommand("devices", "Show the devices found, and what each can do")
{
    /// <inheritdoc/>
    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("What --device knows on this machine", "qlora devices"),
        new("The same for a script", "qlora devices --json"),
    ];

    /// <inheritdoc/>
    protected override int Run(CommandContext context)
    {
        var devices = Devices.List(out var unusable);
        context.Result(
            new JsonObject
            {
                ["default"] = devices.Single(device => device.IsDefault).Name,
                ["vector_widths"] = new JsonArray([.. VectorWidths.Supported.Select(width => (JsonNode)(int)width)]),
                ["devices"] = new JsonArray([.. devices.Select(ToJson)]),
                ["unusable"] = new JsonArray([.. unusable.Select(ToJson)]),
            },
            console => console.WriteRows(["device", "threads", "vectors", "memory", "what it is"], [.. devices.Select(ToRow), .. unusable.Select(ToRow)]));
        return ExitCode.Success;
    }

    private static JsonObject ToJson(DeviceInfo device) => new()
    {
        ["name"] = device.Name,
        ["description"] = device.Description,
        ["threads"] = device.Threads,
        ["vector_bits"] = device.VectorBits,
        ["memory_bytes"] = device.MemoryBytes,
    };

    private static JsonObject ToJson(UnusableDevice device) => new() { ["name"] = device.Name, ["reason"] = device.Reason };

    private static string[] ToRow(UnusableDevice device) => [device.Name, "", "", "", $"not usable: {device.Reason}"];

    private static string[] ToRow(DeviceInfo device) =>
    [
        device.IsDefault ? $"{device.Name} (auto)" : device.Name,
        device.Threads?.ToString(CultureInfo.InvariantCulture) ?? "",
        device.VectorBits is { } bits ? $"{bits} bits" : "",
        Numbers.Bytes(device.MemoryBytes),
        device.Description,
    ];
}
