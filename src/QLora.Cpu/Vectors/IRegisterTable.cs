namespace QLora.Cpu.Vectors;

/// <summary>A vector in which, or in two of which, there is room for the table of a 4-bit code.</summary>
internal unsafe interface IRegisterTable<TSelf> : IVector<TSelf> where TSelf : unmanaged, IRegisterTable<TSelf>
{
    /// <summary>The values of the codes in bits <paramref name="shift"/> to <paramref name="shift"/> + 3 of each place.</summary>
    /// <param name="codes">Eight codes in each place.</param>
    /// <param name="shift">The lowest bit of the code that is meant.</param>
    /// <param name="first">The table, or its first half.</param>
    /// <param name="second">The table's second half, when it takes two vectors.</param>
    static abstract TSelf LookUp(TSelf codes, int shift, TSelf first, TSelf second);

    /// <summary>Numbers for eight places each.</summary>
    static abstract TSelf LoadEightTimes(float* source);
}
