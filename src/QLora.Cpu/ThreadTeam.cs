using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace QLora.Cpu;

/// <summary>Work in as many parts as a team has threads.</summary>
internal interface IWork
{
    /// <summary>Does one part.</summary>
    /// <param name="part">Its number, from 0; no two threads have the same at a time.</param>
    /// <param name="parts">How many there are.</param>
    void Run(int part, int parts);
}

/// <summary>
/// Threads that wait for work and do it together with the caller. What is in a part does not depend on who does it: a thread that the system keeps waiting
/// has its part done by another, and nobody waits for it. Nothing is allocated per call.
/// </summary>
internal sealed unsafe class ThreadTeam : IDisposable
{
    // Some tens of microseconds: ops follow each other faster, and nobody else on the machine is kept waiting for long.
    private const int Spins = 500;

    private readonly Thread[] _others;
    private readonly Lock _running = new();
    private readonly object _gate = new();
    private delegate*<void*, int, int, void> _invoke;
    private void* _work;

    // The number of the round in the upper half, how many of its parts are taken in the lower: taking a part is one exchange, which fails in any other round.
    private long _taken;
    private volatile int _finished;
    private volatile bool _stopped;
    private ExceptionDispatchInfo? _failure;

    public ThreadTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        _taken = threads;
        _others = new Thread[threads - 1];
        for (var i = 0; i < _others.Length; i++)
        {
            _others[i] = new Thread(Serve) { IsBackground = true, Name = $"qlora {i + 1}" };
            _others[i].Start();
        }
    }

    /// <summary>How many threads there are, the caller among them.</summary>
    public int Threads { get; }

    private bool HasPartsLeft => (int)Volatile.Read(ref _taken) < Threads;

    /// <summary>Does all parts and returns when they are done; an exception of any is thrown here.</summary>
    public void Run<TWork>(TWork work) where TWork : struct, IWork
    {
        lock (_running)
        {
            ObjectDisposedException.ThrowIf(_stopped, this);

            // The work stays on this stack, where it does not move, until all parts are done.
            _work = Unsafe.AsPointer(ref work);
            _invoke = &Invoke<TWork>;
            _failure = null;
            _finished = 0;
            var round = (Volatile.Read(ref _taken) >> 32) + 1;
            Volatile.Write(ref _taken, round << 32);
            lock (_gate) Monitor.PulseAll(_gate);

            TakeParts();
            var spin = new SpinWait();
            while (_finished < Threads) spin.SpinOnce(sleep1Threshold: -1);
            _failure?.Throw();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.PulseAll(_gate);
        }

        foreach (var thread in _others) thread.Join();
    }

    private static void Invoke<TWork>(void* work, int part, int parts) where TWork : struct, IWork => Unsafe.AsRef<TWork>(work).Run(part, parts);

    private void TakeParts()
    {
        while (true)
        {
            var taken = Volatile.Read(ref _taken);
            if ((int)taken >= Threads) return;
            if (Interlocked.CompareExchange(ref _taken, taken + 1, taken) != taken) continue;
            try
            {
                _invoke(_work, (int)taken, Threads);
            }
            catch (Exception failure)
            {
                Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(failure), null);
            }

            Interlocked.Increment(ref _finished);
        }
    }

    private void Serve()
    {
        while (!_stopped)
        {
            TakeParts();
            for (var i = 0; i < Spins && !HasPartsLeft && !_stopped; i++) Thread.SpinWait(20);
            lock (_gate)
            {
                while (!HasPartsLeft && !_stopped) Monitor.Wait(_gate);
            }
        }
    }
}
