#pragma warning disable
using System.Diagnostics;
namespace QLora.Backends;
public static class Prof {
  public static bool On;
  public static Dictionary<string,(long t,int n)> D = new();
  public static P Start(string k) => new P(k, Stopwatch.GetTimestamp());
  public readonly struct P(string k, long t0) : IDisposable { public void Dispose(){ if(!On) return; var dt=Stopwatch.GetTimestamp()-t0; D.TryGetValue(k, out var v); D[k]=(v.t+dt, v.n+1);} }
}
