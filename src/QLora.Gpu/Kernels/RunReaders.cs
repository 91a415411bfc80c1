using ILGPU;

namespace QLora.Gpu.Kernels;

/// <summary>The elements of an operand in runs of sixteen that lie side by side. A run is loaded long before it is stored, and decoded only then: loads take their time.</summary>
/// <typeparam name="TSelf">The reader.</typeparam>
/// <typeparam name="TRun">A run as it was loaded.</typeparam>
internal interface IRunReader<TSelf, TRun> where TSelf : struct where TRun : unmanaged
{
    /// <summary>The reader with its tables in the group's memory, which the next barrier makes visible. After the kernel's own shared array.</summary>
    TSelf Staged();

    /// <summary>The run of an element; zeros after the first <paramref name="count"/>, which is nothing or all but for <see cref="LooseRuns{TReader}"/>.</summary>
    TRun Load(int index, int count);

    /// <summary>Four elements of a run, from the first, second, third or last quarter.</summary>
    Four Quarter(TRun run, int quarter);

    /// <summary>Stores a run as bfloat16, for tensor cores.</summary>
    void Store(TRun run, int address);
}

/// <summary>Elements of bfloat16, which go as they are. Rows must begin at multiples of 16 bytes.</summary>
internal readonly struct RoundedRuns(ArrayView<BF16> elements) : IRunReader<RoundedRuns, RoundedRun>
{
    private readonly ArrayView<BF16> _elements = elements;

    public RoundedRuns Staged() => this;

    public RoundedRun Load(int index, int count)
    {
        if (count <= 0) return default;
        var words = _elements.Cast<FourWords>();
        return new RoundedRun { Low = words[index >> 3], High = words[(index >> 3) + 1] };
    }

    public Four Quarter(RoundedRun run, int quarter)
    {
        var half = quarter < 2 ? run.Low : run.High;
        return FourBF16.Widen((quarter & 1) == 0 ? half.At0 : half.At2, (quarter & 1) == 0 ? half.At1 : half.At3);
    }

    public void Store(RoundedRun run, int address)
    {
        TensorCore.Store(address, run.Low.At0, run.Low.At1, run.Low.At2, run.Low.At3);
        TensorCore.Store(address + 16, run.High.At0, run.High.At1, run.High.At2, run.High.At3);
    }
}

/// <summary>Sixteen elements of bfloat16.</summary>
internal struct RoundedRun
{
    public FourWords Low, High;
}

/// <summary>Elements in single precision. Rows must begin at multiples of 16 bytes.</summary>
internal readonly struct SingleRuns(ArrayView<F32> elements) : IRunReader<SingleRuns, SingleRun>
{
    private readonly ArrayView<F32> _elements = elements;

    public SingleRuns Staged() => this;

    public SingleRun Load(int index, int count)
    {
        if (count <= 0) return default;
        var fours = _elements.Cast<Four>();
        var first = index >> 2;
        return new SingleRun { Row0 = fours[first], Row1 = fours[first + 1], Row2 = fours[first + 2], Row3 = fours[first + 3] };
    }

    public Four Quarter(SingleRun run, int quarter) => run.Quarter(quarter);

    public void Store(SingleRun run, int address) => run.Store(address);
}

/// <summary>Elements that are read one at a time, in rows that begin and end anywhere: the factors of a low-rank branch, weights of other types, and odd extents.</summary>
internal readonly struct LooseRuns<TReader>(TReader elements) : IRunReader<LooseRuns<TReader>, SingleRun> where TReader : struct, IWeightReader
{
    private readonly TReader _elements = elements;

    public LooseRuns<TReader> Staged() => this;

    public SingleRun Load(int index, int count) => new()
    {
        Row0 = LoadFour(index, count),
        Row1 = LoadFour(index + 4, count - 4),
        Row2 = LoadFour(index + 8, count - 8),
        Row3 = LoadFour(index + 12, count - 12),
    };

    public Four Quarter(SingleRun run, int quarter) => run.Quarter(quarter);

    public void Store(SingleRun run, int address) => run.Store(address);

    private Four LoadFour(int index, int count) => new(LoadOne(index, count), LoadOne(index + 1, count - 1), LoadOne(index + 2, count - 2), LoadOne(index + 3, count - 3));

    private float LoadOne(int index, int count) => count > 0 ? _elements.Read(index) : 0;
}

/// <summary>Sixteen elements in single precision.</summary>
internal struct SingleRun
{
    public Four Row0, Row1, Row2, Row3;

    public readonly Four Quarter(int quarter) => quarter == 0 ? Row0 : quarter == 1 ? Row1 : quarter == 2 ? Row2 : Row3;

    /// <summary>Stores it as bfloat16, for tensor cores.</summary>
    public readonly void Store(int address)
    {
        TensorCore.Store(address, Row0, Row1);
        TensorCore.Store(address + 16, Row2, Row3);
    }
}

/// <summary>A weight in 4 bits, see <see cref="QuantizedReader{TScales}"/>; blocks must be of whole runs.</summary>
internal readonly struct QuantizedRuns<TScales>(ArrayView<byte> codes, ArrayView<float> codebook, TScales scales, int blockShift) : IRunReader<QuantizedRuns<TScales>, QuantizedRun>
    where TScales : struct, IScales
{
    private const int Codes = 16;

    private readonly ArrayView<byte> _codes = codes;
    private readonly ArrayView<float> _codebook = codebook;
    private readonly TScales _scales = scales;
    private readonly int _blockShift = blockShift;

    // Sixteen numbers lie in as many banks: whatever the lanes of a warp look up, none waits for another.
    public QuantizedRuns<TScales> Staged()
    {
        var codebook = SharedMemory.Allocate<float>(Codes);
        for (var i = Group.IdxX; i < Codes; i += Group.DimX) codebook[i] = _codebook[i];
        Group.Barrier();
        return new QuantizedRuns<TScales>(_codes, codebook, _scales, _blockShift);
    }

    public QuantizedRun Load(int index, int count) =>
        count <= 0 ? default : new QuantizedRun { Codes = _codes.Cast<TwoWords>()[index >> 4], Scale = _scales.Read(index >> _blockShift) };

    public Four Quarter(QuantizedRun run, int quarter)
    {
        var codes = (quarter < 2 ? run.Codes.At0 : run.Codes.At1) >> ((quarter & 1) << 4);
        return new Four(Decode(codes >> 4, run.Scale), Decode(codes, run.Scale), Decode(codes >> 12, run.Scale), Decode(codes >> 8, run.Scale));
    }

    public void Store(QuantizedRun run, int address)
    {
        TensorCore.Store(address, Quarter(run, 0), Quarter(run, 1));
        TensorCore.Store(address + 16, Quarter(run, 2), Quarter(run, 3));
    }

    private float Decode(uint code, float scale) => _codebook[(int)(code & 15)] * scale;
}

/// <summary>The codes of sixteen elements, and their scale.</summary>
internal struct QuantizedRun
{
    public TwoWords Codes;
    public float Scale;
}

/// <summary>Eight bytes, loaded and stored at once.</summary>
internal readonly struct TwoWords(uint at0, uint at1)
{
    public readonly uint At0 = at0, At1 = at1;
}

/// <summary>Sixteen bytes, loaded and stored at once.</summary>
internal readonly struct FourWords(uint at0, uint at1, uint at2, uint at3)
{
    public readonly uint At0 = at0, At1 = at1, At2 = at2, At3 = at3;
}
