using QLora.Cpu;

namespace QLora.Tests.Backends.Cpu;

public sealed class VectorWidthTests
{
    [Theory]
    [InlineData("128")]
    [InlineData("")]
    [InlineData("1024")]
    [InlineData("wide")]
    public void The_variable_forces_a_width(string value)
    {
        var before = Environment.GetEnvironmentVariable(VectorWidths.Variable);
        try
        {
            Environment.SetEnvironmentVariable(VectorWidths.Variable, value);
            if (value == "128") Assert.Equal(VectorWidth.Vector128, VectorWidths.Chosen());
            else if (value == "") Assert.Equal(VectorWidths.Supported[^1], VectorWidths.Chosen());
            else Assert.StartsWith($"QLORA_VECTOR_WIDTH is '{value}', expected", Assert.Throws<QLoraException>(() => VectorWidths.Chosen()).Message);
        }
        finally
        {
            Environment.SetEnvironmentVariable(VectorWidths.Variable, before);
        }
    }
}
