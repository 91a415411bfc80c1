using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>A stored matrix whose rows are read as single-precision numbers, whatever they are kept as.</summary>
internal unsafe interface IRows
{
    /// <summary>destination[0, count) ← numbers <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/> of a row.</summary>
    void Read<V>(int row, int first, int count, float* destination) where V : unmanaged, IVector<V>;

    /// <summary>destination[r · width + j] ← number <paramref name="first"/> + j of row <paramref name="row"/> + r, zeros from <paramref name="columns"/> to width.</summary>
    /// <param name="row">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="first">The first number of each.</param>
    /// <param name="columns">How many.</param>
    /// <param name="destination">Where they go.</param>
    /// <param name="width">Numbers from one row to the next.</param>
    /// <param name="scratch">Room for <see cref="Panel.ScratchSize"/> numbers.</param>
    void ReadRows<V>(int row, int rows, int first, int columns, float* destination, int width, float* scratch) where V : unmanaged, IVector<V>;

    /// <summary>destination[k · width + r] ← number <paramref name="first"/> + k of row <paramref name="row"/> + r, for k below <paramref name="count"/> and a vector of rows.</summary>
    /// <param name="row">The first row.</param>
    /// <param name="first">The first number.</param>
    /// <param name="count">Numbers of each row; destination must have room for whole vectors of them.</param>
    /// <param name="destination">Where they go.</param>
    /// <param name="width">Numbers from one k to the next.</param>
    /// <param name="scratch">Room for <see cref="Panel.ScratchSize"/> numbers.</param>
    void ReadTransposed<V>(int row, int first, int count, float* destination, nint width, float* scratch) where V : unmanaged, IVector<V>;

    /// <summary>Asks the memory for numbers <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/> of some rows.</summary>
    /// <param name="row">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="first">The first number of each.</param>
    /// <param name="count">How many.</param>
    void Prefetch(int row, int rows, int first, int count);

    /// <summary>The address of a number, where rows can be read as single-precision numbers as they lie; otherwise null.</summary>
    /// <param name="row">Its row.</param>
    /// <param name="column">Its column.</param>
    /// <param name="stride">Numbers from one row to the next.</param>
    float* InPlace(int row, int column, out nint stride);
}
