namespace QLora.Checkpoints.Gguf;

/// <summary>The kinds of metadata values, by the numbers of the format.</summary>
public enum GgufValueType : uint
{
    /// <summary>8 bits, from 0 up.</summary>
    UInt8,
    /// <summary>8 bits with a sign.</summary>
    Int8,
    /// <summary>16 bits, from 0 up.</summary>
    UInt16,
    /// <summary>16 bits with a sign.</summary>
    Int16,
    /// <summary>32 bits, from 0 up.</summary>
    UInt32,
    /// <summary>32 bits with a sign.</summary>
    Int32,
    /// <summary>Single precision.</summary>
    Float32,
    /// <summary>One byte, 0 or 1.</summary>
    Boolean,
    /// <summary>A length in 64 bits and so many bytes of UTF-8.</summary>
    String,
    /// <summary>A kind, a count in 64 bits and so many values.</summary>
    Array,
    /// <summary>64 bits, from 0 up.</summary>
    UInt64,
    /// <summary>64 bits with a sign.</summary>
    Int64,
    /// <summary>Double precision.</summary>
    Float64,
}
