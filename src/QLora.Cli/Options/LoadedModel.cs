using QLora.Backends;
using QLora.Models;

namespace QLora.Cli.Options;

/// <summary>A model and what it runs on; both go together.</summary>
/// <param name="Backend">What it runs on.</param>
/// <param name="Model">The model.</param>
internal sealed record LoadedModel(Backend Backend, CausalLanguageModel Model) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Model.Dispose();
        Backend.Dispose();
    }
}
