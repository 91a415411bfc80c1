using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace QLora.Cpu;

/// <summary>What each thread of a team does at the same time.</summary>
internal interface IWork
{
    /// <summary>The part of one thread.</summary>
    /// <param name="thread">Its number, from 0.</param>
    /// <param name="threads">How many there are.</param>
    void Run(int thread, int threads);
}

/// <summary>
/// Threads that wait for work and do it together with the caller. Ops follow each other within microseconds, so that a waiting thread looks for
/// work a while before it sleeps. Nothing is allocated per call.
/// </summary>
internal sealed unsafe class ThreadTeam : IDisposable
{
    // Some tens of microseconds: longer than the gaps between ops, too short to matter to anybody else on the machine.
    private const int Spins = 500;

    private readonly Thread[] _others;
    private readonly Lock _running = new();
    private readonly object _gate = new();
    private delegate*<void*, int, int, void> _invoke;
    private void* _work;
    private volatile int _round;
    private volatile int _unfinished;
    private volatile bool _stopped;
    private ExceptionDispatchInfo? _failure;

    public ThreadTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _others = new Thread[threads - 1];
        for (var i = 0; i < _others.Length; i++)
        {
            var number = i + 1;
            _others[i] = new Thread(() => Serve(number)) { IsBackground = true, Name = $"qlora {number}" };
            _others[i].Start();
        }
    }

    /// <summary>How many threads there are, the caller among them.</summary>
    public int Threads => _others.Length + 1;

    /// <summary>Lets every thread do its part and returns when all have; an exception of any is thrown here.</summary>
    public void Run<TWork>(TWork work) where TWork : struct, IWork
    {
        lock (_running)
        {
            ObjectDisposedException.ThrowIf(_stopped, this);

            // The work stays on this stack, where it does not move, until all have finished.
            _work = Unsafe.AsPointer(ref work);
            _invoke = &Invoke<TWork>;
            _failure = null;
            _unfinished = _others.Length;
            lock (_gate)
            {
                _round++;
                Monitor.PulseAll(_gate);
            }

            Do(0);
            var spin = new SpinWait();
            while (_unfinished > 0) spin.SpinOnce(sleep1Threshold: -1);
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

    private static void Invoke<TWork>(void* work, int thread, int threads) where TWork : struct, IWork => Unsafe.AsRef<TWork>(work).Run(thread, threads);

    private void Do(int number)
    {
        try
        {
            _invoke(_work, number, Threads);
        }
        catch (Exception failure)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(failure), null);
        }
    }

    private void Serve(int number)
    {
        for (var done = 0; ; done++)
        {
            if (!WaitForRound(done)) return;
            Do(number);
            Interlocked.Decrement(ref _unfinished);
        }
    }

    /// <summary>Returns true when a round after the given one has begun, false when the team is stopped.</summary>
    private bool WaitForRound(int done)
    {
        for (var i = 0; i < Spins && _round == done && !_stopped; i++) Thread.SpinWait(20);
        lock (_gate)
        {
            while (_round == done && !_stopped) Monitor.Wait(_gate);
        }

        return _round != done;
    }
}
