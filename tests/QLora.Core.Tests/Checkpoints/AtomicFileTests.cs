using QLora.Checkpoints;

namespace QLora.Tests.Checkpoints;

/// <summary>A file is there as a whole or not at all.</summary>
public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_takes_its_place_when_it_is_complete()
    {
        var path = _folder["x.txt"];
        AtomicFile.WriteText(path, "old");
        using (var file = AtomicFile.Create(path))
        {
            file.Stream.Write("new"u8);
            file.Stream.Flush();
            Assert.Equal("old", File.ReadAllText(path));
            file.Commit();
        }

        Assert.Equal("new", File.ReadAllText(path));
        AssertNothingElse(path);
    }

    [Fact]
    public void A_full_disk_leaves_what_was_there()
    {
        var path = _folder["x.txt"];
        AtomicFile.WriteText(path, "old");
        var error = Assert.Throws<QLoraException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write(new byte[100_000]);
            throw new IOException("No space left on device");
        }));
        Assert.Equal($"{path}: cannot be written: No space left on device", error.Message);
        Assert.Equal("old", File.ReadAllText(path));
        AssertNothingElse(path);
    }

    [Fact]
    public void Whatever_interrupts_a_writer_leaves_what_was_there()
    {
        var path = _folder["x.txt"];
        Assert.Throws<OperationCanceledException>(() => AtomicFile.Write(path, _ => throw new OperationCanceledException()));
        Assert.Empty(Directory.GetFiles(_folder.Path));
        AtomicFile.WriteText(path, "old");
        Assert.Throws<OperationCanceledException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            throw new OperationCanceledException();
        }));
        Assert.Equal("old", File.ReadAllText(path));
        AssertNothingElse(path);
    }

    [Fact]
    public void A_place_that_cannot_be_written_is_named()
    {
        Assert.StartsWith(_folder["none/x.txt"] + ": cannot be written", Assert.Throws<QLoraException>(() => AtomicFile.WriteText(_folder["none/x.txt"], "")).Message);
        Directory.CreateDirectory(_folder["folder"]);
        Assert.StartsWith(_folder["folder"] + ": cannot be written", Assert.Throws<QLoraException>(() => AtomicFile.WriteText(_folder["folder"], "")).Message);
        Assert.Empty(Directory.GetFiles(_folder.Path));
        AtomicFile.WriteText(_folder["file"], "");
        Assert.StartsWith(_folder["file/below"] + ": cannot be written", Assert.Throws<QLoraException>(() => AtomicFile.CreateFolder(_folder["file/below"])).Message);
    }

    private void AssertNothingElse(string path) => Assert.Equal([path], Directory.GetFiles(_folder.Path));
}
