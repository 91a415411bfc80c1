using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

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
/// <remarks>
/// Between cores without a common cache a line takes some hundred nanoseconds, so that a round moves two of them at best: what is to be done goes from the caller to a
/// thread, and that it is done goes back. What a part's thread writes has a line of its own for this reason, and a part is taken by others only after their own.
/// </remarks>
internal sealed unsafe class ThreadTeam : IDisposable
{
    // A poll takes some tens of nanoseconds. Ops follow each other faster than so many of them, and nobody else on the machine is kept waiting for long.
    private const int PollsBeforeSleep = 4000;
    private const int PollsBeforeYield = 1000;

    private readonly Thread[] _others;
    private readonly Part[] _parts;
    private readonly Lock _running = new();
    private readonly object _gate = new();
    private ExceptionDispatchInfo? _failure;
    private volatile bool _stopped;
    private volatile int _sleeping;
    private Request _request;

    public ThreadTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        _parts = new Part[threads];
        _others = new Thread[threads - 1];
        for (var i = 0; i < _others.Length; i++)
        {
            var own = i + 1;
            _others[i] = new Thread(() => Serve(own)) { IsBackground = true, Name = $"qlora {own}" };
            _others[i].Start();
        }
    }

    /// <summary>How many threads there are, the caller among them.</summary>
    public int Threads { get; }

    /// <summary>Does all parts and returns when they are done; an exception of any is thrown here.</summary>
    public void Run<TWork>(TWork work) where TWork : struct, IWork
    {
        lock (_running)
        {
            ObjectDisposedException.ThrowIf(_stopped, this);

            // The work stays on this stack, where it does not move, until all parts are done.
            _failure = null;
            _request.Work = Unsafe.AsPointer(ref work);
            _request.Invoke = &Invoke<TWork>;
            var round = _request.Round + 1;
            Interlocked.Exchange(ref _request.Round, round);
            if (_sleeping > 0) Wake();

            DoParts(round, own: 0);
            for (var part = 0; part < Threads; part++) WaitFor(part, round);
            _failure?.Throw();
        }
    }

    public void Dispose()
    {
        _stopped = true;
        Wake();
        foreach (var thread in _others) thread.Join();
    }

    private static void Invoke<TWork>(void* work, int part, int parts) where TWork : struct, IWork => Unsafe.AsRef<TWork>(work).Run(part, parts);

    /// <summary>Does a thread's own part of a round, and then what others have not begun.</summary>
    private void DoParts(long round, int own)
    {
        for (var i = 0; i < Threads; i++)
        {
            var part = (own + i) % Threads;
            ref var state = ref _parts[part].State;
            var before = Volatile.Read(ref state);

            // Who takes a part of a round has it before the round is over: until then, the request is that of the round.
            if (before >= Part.Taken(round) || Interlocked.CompareExchange(ref state, Part.Taken(round), before) != before) continue;
            try
            {
                _request.Invoke(_request.Work, part, Threads);
            }
            catch (Exception failure)
            {
                Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(failure), null);
            }

            Volatile.Write(ref state, Part.Done(round));
        }
    }

    private void WaitFor(int part, long round)
    {
        for (var polls = 0; Volatile.Read(ref _parts[part].State) < Part.Done(round); polls++)
        {
            if (polls < PollsBeforeYield) Thread.SpinWait(1);
            else Thread.Yield();
        }
    }

    private void Serve(int own)
    {
        for (var done = 0L; !_stopped;)
        {
            for (var polls = 0; polls < PollsBeforeSleep && Volatile.Read(ref _request.Round) == done && !_stopped; polls++) Thread.SpinWait(1);
            if (Volatile.Read(ref _request.Round) == done) Sleep(done);
            done = Volatile.Read(ref _request.Round);
            DoParts(done, own);
        }
    }

    /// <summary>Waits for a round that is not the last one. Either the caller sees that somebody sleeps, or the sleeper sees its round.</summary>
    private void Sleep(long last)
    {
        lock (_gate)
        {
            Interlocked.Increment(ref _sleeping);
            while (Volatile.Read(ref _request.Round) == last && !_stopped) Monitor.Wait(_gate);
            Interlocked.Decrement(ref _sleeping);
        }
    }

    private void Wake()
    {
        lock (_gate) Monitor.PulseAll(_gate);
    }

    /// <summary>What is to be done, in a line of its own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 192)]
    private struct Request
    {
        /// <summary>The number of the round; the rest belongs to it.</summary>
        [FieldOffset(64)]
        public long Round;

        [FieldOffset(72)]
        public void* Work;

        [FieldOffset(80)]
        public delegate*<void*, int, int, void> Invoke;
    }

    /// <summary>How far a part is, in a line of its own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    private struct Part
    {
        /// <summary>The last round in which the part was taken or done; only ever grows.</summary>
        [FieldOffset(64)]
        public long State;

        public static long Taken(long round) => 2 * round;

        public static long Done(long round) => 2 * round + 1;
    }
}
